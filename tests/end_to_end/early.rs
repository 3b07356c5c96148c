//! Exim's PIPECONNECT: the first session with a host learns of it, and in those that follow EHLO leaves before the
//! greeting.

use crate::campaign::{Campaign, adds_up};
use crate::mta::{Exim, Server};
use crate::program::{number, run};

#[test]
fn exim_hears_ehlo_before_it_greets() {
    let server = Exim::start();
    let campaign = Campaign::made_up(200, "");
    let engine = campaign.engine("engine", "[delivery]\nmessages_per_session = 20\nsessions_per_site = 1\n");
    let sent = run(&campaign.scratch, "send", campaign.send(&engine, &server.address())).expect_code(0);
    let summary = sent.json();
    adds_up(&summary);
    assert_eq!(number(&summary, "delivered"), 200, "{summary}");
    // Exim marks pipelined messages with an L: behind it stands a period where PIPECONNECT was offered and not used, an
    // asterisk where it was. Where the machine is so busy that Exim greets first, it was not.
    let log = server.log();
    let received: Vec<&str> = log.lines().filter(|line| line.contains(" <= ")).collect();
    let marked = |lines: &[&str], mark: &str| lines.iter().filter(|line| line.contains(mark)).count();
    let (first, later) = received.split_at(20);
    assert_eq!((marked(first, " L. "), marked(later, " L. ") + marked(later, " L* ")), (20, 180), "{log}");
    assert!(marked(later, " L* ") >= 20, "{log}");
}
