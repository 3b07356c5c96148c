//! `posthaste probe`, and a real Postfix and Exim.

use crate::mta::{Exim, Postfix, Server};
use crate::program::{Ended, posthaste, run};
use crate::scratch::Scratch;

fn probe(server: &dyn Server, code: i32, config: Option<&str>) -> Ended {
    let scratch = Scratch::new("probe");
    let mut command = posthaste(["probe", &server.address()]);
    if let Some(config) = config {
        scratch.write("engine.toml", config);
        command.arg("--config").arg(scratch.at("engine.toml"));
    }
    command.current_dir(scratch.path());
    run(&scratch, "probe", command).expect_code(code)
}

#[test]
fn postfix_is_shown_as_it_is() {
    let server = Postfix::start();
    let page = probe(&server, 0, None).stdout;
    for line in [
        "greeting      220 postfix.test ESMTP Postfix",
        "TLS           TLS 1.3, TLS_AES_256_GCM_SHA384, in ",
        "certificate   CN=postfix.test, ",
        "identity      not verified: any certificate will do\n",
        "transactions  chunked: several messages a round trip, up to 1000 recipients\n",
        "MAIL          MAIL FROM:<…> SIZE=n BODY=8BITMIME SMTPUTF8 RET= ENVID=, up to 10 MB\n",
        "would be delivered over TLS 1.3, though nothing proves who the server is.\n",
    ] {
        assert!(page.contains(line), "{line:?} is not in:\n{page}");
    }
    let page = probe(&server, 1, Some("[delivery]\ntls = \"verified\"\n")).stdout;
    assert!(page.contains("would be deferred: 127.0.0.1: the certificate is "), "{page}");
    assert_eq!(server.log().matches("from=<").count(), 0, "a probe sends no mail:\n{}", server.log());
}

#[test]
fn exim_is_shown_as_it_is() {
    let server = Exim::start();
    let page = probe(&server, 0, Some("[delivery]\ntls = \"required\"\n")).stdout;
    assert!(page.contains("TLS demanded  required, by the configuration\n"), "{page}");
    assert!(page.contains("would be delivered over TLS 1.3"), "{page}");
}
