//! What a treatment tells, beside what is wrong.

use super::*;

#[test]
fn what_is_worth_knowing_of_a_treatment_has_its_place() {
    let told = |file: &str, html: &str, wanted: &Treatment| {
        let treated = treat(&mut spec(file, html), wanted, &mut shelf());
        let told = |note: Remark| (note.check, note.place.unwrap().to_string(), note.position);
        treated.notes.into_iter().map(told).collect::<Vec<_>>()
    };
    let key = |check: &'static str, key: &str| vec![(check, format!("campaign key `{key}`"), None)];
    let inlined = Treatment { inline_css: true, ..Treatment::default() };
    assert_eq!(told("w.html", "<p>x", &inlined), key("without-effect", "inline_css"));
    let page = "<style>p{color:red}</style>\n<link rel=stylesheet href=\"https://fonts.example/x\"><p>x";
    assert_eq!(told("w.html", page, &inlined), [("remote-style", "w.html".to_owned(), Some((2, 28)))]);
    let embeds = Treatment { embed_images: true, ..Treatment::default() };
    assert_eq!(told("w.html", "<img src=\"https://a.example/x.png\">", &embeds), key("without-effect", "embed_images"));
    assert_eq!(told("w.html", "<img src=\"logo.png\">", &embeds), []);
    let based = |base: &str| Treatment { base_url: Some(base.into()), ..Treatment::default() };
    assert_eq!(
        told("w.html", "<a href=\"https://a.example\">", &based("https://acme.example/")),
        key("without-effect", "base_url")
    );
    let http = told("w.html", "<a href=\"x.html\">", &based("http://acme.example/"));
    assert_eq!(http, [("http-link", "campaign key `base_url`".to_owned(), Some((1, 1)))]);
    let social = |name: &str, href: &str| {
        let element = format!("<mj-social-element name=\"{name}\" href=\"https://{href}\">x</mj-social-element>");
        let section = format!("<mj-section><mj-column><mj-social>\n{element}</mj-social></mj-column></mj-section>");
        told("w.mjml", &format!("<mjml><mj-body>{section}</mj-body></mjml>"), &Treatment::default())
    };
    assert_eq!(social("facebook", "www.facebook.com/acme"), [("mjml-share", "w.mjml".to_owned(), Some((2, 1)))]);
    for (name, href) in [("facebook-noshare", "facebook.com/acme"), ("x", "acme.example/x"), ("web", "facebook.com/")] {
        assert_eq!(social(name, href), [], "{name}");
    }
    let mjml = "<mjml><mj-body>\n<mj-include path=\"foot.mjml\" /></mj-body><mj-head><mj-attributes wrong=\"1\" /></mj-head></mjml>";
    let mut letter = spec("w.mjml", mjml);
    let treated = treat(&mut letter, &Treatment::default(), &mut shelf());
    assert_eq!(treated.pieces.iter().map(|piece| piece.file.as_str()).collect::<Vec<_>>(), ["foot.mjml"]);
}
