//! Opening a campaign: a new one, one that goes on, or one of which nobody got anything, and which begins anew.
//!
//! Guarantees: while nothing was handed over, a refused list, template or pipe leaves nothing behind that stands in the way
//! of the next start; once something was, nothing of the campaign is thrown away. A list that came as a stream, and may be
//! the only copy, outlives beginning anew, at whatever point that ends. Leaves to others: which list it is (`list`), what
//! another one means (`settle`), and where its mail goes (`pin`).

use super::super::check::Reading;
use super::super::cli::SendArgs;
use super::super::config::{CampaignConfig, EngineConfig};
use super::super::destination::Destination;
use super::super::exit::Failure;
use super::content::{self, Content};
use super::letter::Letter;
use super::list::{self, Given};
use super::settle::{Case, Settled};
use super::{identity, marks_of, open_journal, pin, prepare, rehearsed, report_damage, types, watch};
use crate::base::remedy;
use crate::engine::campaign::{Campaign, OpenError, Opening, Release, is_there, journal_of};
use crate::engine::loader::print;
use crate::engine::table::{Manifest, manifest};
use crate::wire::clock::unix_now;
use crate::wire::disk::{self, Files};
use std::fs::{self, File};
use std::io;
use std::path::Path;

/// The file that says that the campaign here is being thrown away.
const DISCARDED: &str = "discarded";
/// The lock's file, which stays.
const LOCK: &str = "lock";

/// What a send works on.
pub struct Opened {
    /// The campaign.
    pub campaign: Campaign,
    /// Its content.
    pub content: Content,
    /// Its list, and what is to be done for it before it goes on.
    pub settled: Settled,
    /// Its journal's disk.
    pub disk: Files,
}

/// What a campaign is opened with.
pub struct Asked<'a> {
    /// The command.
    pub args: &'a SendArgs,
    /// The engine's configuration.
    pub config: &'a EngineConfig,
    /// The campaign's file.
    pub campaign: &'a CampaignConfig,
    /// Where its mail is to go.
    pub destination: &'a Destination,
    /// The campaign's directory.
    pub home: &'a Path,
}

impl Asked<'_> {
    /// Opens the campaign that is there, or makes a new one, with its content checked against the list's columns.
    ///
    /// # Errors
    /// The list, the content, or storage; a campaign that has begun otherwise than this run would have it.
    pub fn open(&self) -> Result<Opened, Failure> {
        if self.home.join(DISCARDED).exists() {
            self.throw_away(true)?;
        }
        let opened = self.open_what_is_there();
        if opened.is_err() && !self.home.join(manifest::FILE).exists() {
            // Nothing was made. Of what was prepared for it nothing stays, unless something else is in there.
            let _ = fs::remove_file(self.home.join(LOCK));
            let _ = fs::remove_dir(journal_of(self.home)).and_then(|()| fs::remove_dir(self.home));
            let _ = fs::remove_dir(self.home);
        }
        opened
    }

    fn open_what_is_there(&self) -> Result<Opened, Failure> {
        let mut disk = open_journal(self.home)?;
        let there = is_there(self.home, &mut disk).map_err(storage)?;
        if there { self.go_on(disk) } else { self.begin(disk) }
    }

    fn go_on(&self, mut disk: Files) -> Result<Opened, Failure> {
        let &Self { args, config, campaign, destination, home } = self;
        let accept_damage = args.accept_damage.then(|| prepare::on_uncertain(campaign));
        let how = Opening { accept_damage, ..Opening::at(unix_now()) };
        let mut opened = Campaign::open(home, &mut disk, &how).map_err(|error| self.cannot_open(error))?;
        identity::check_same(home, opened.table.manifest().identity())?;
        report_damage(&opened);
        pin::hold(args, destination, &mut opened)?;
        pin::hold_suppression(args, config, &opened)?;
        let given = list::given(campaign, home, true)?;
        // An outcome that nobody was asked for may be due to a mistake that is mended by now.
        if !opened.has_begun() && (opened.has_outcomes() || !self.is_as_it_was(&opened, given.as_ref())) {
            let given = self.given_or_kept(given)?;
            // Refused, it leaves everything as it was.
            let draft = self.draft(&given)?;
            watch::notice(&format!(
                "Nobody has got anything of campaign {}: it begins anew, with the list, the content and the suppression of now.\n",
                campaign.name
            ));
            drop((opened, disk));
            return self.begin_anew(given, draft);
        }
        let content = content::again(config, campaign, home, &opened, destination)?;
        let case = Case {
            args,
            email: &campaign.recipients.email.value,
            header_columns: &content.header_columns,
            max_rejected: campaign.recipients.max_rejected,
            opened: &opened,
        };
        content.check()?;
        let reading = Reading::new(watch::progress_of(args));
        rehearsed::check(&opened, &content, campaign.recipients.max_rejected, &reading)?;
        drop(reading);
        let letter = Letter::of(&opened, &content, campaign);
        let mut settled =
            case.settle(given, list::kept(campaign, home)).map_err(|failure| letter.told_with(failure))?;
        settled.on_uncertain = prepare::on_uncertain(campaign);
        settled.release = match (args.retry_held, args.cancel_held) {
            (true, _) => Some(Release::Retry),
            (_, true) => Some(Release::Cancel),
            _ => None,
        };
        Ok(Opened { campaign: opened, content, settled, disk })
    }

    /// Damage is told with the commands of the way on.
    fn cannot_open(&self, error: OpenError) -> Failure {
        let is_damage = matches!(error, OpenError::Damaged(_));
        let mut failure = storage(error);
        if is_damage {
            let (accepts, name) = (SendArgs { accept_damage: true, ..self.args.clone() }, &self.campaign.name);
            let (on, listed) = (accepts.same_command(), accepts.list_command(name));
            failure.message += &format!("\nhint: to go on so: {on}\nhint: to list them then: {listed}");
        }
        failure
    }

    /// Whether what was loaded so far is what would be loaded now.
    fn is_as_it_was(&self, opened: &Campaign, given: Option<&Given>) -> bool {
        let same_content = || {
            let content = content::again(self.config, self.campaign, self.home, opened, self.destination);
            content.is_ok_and(|content| content.fingerprint == opened.table.manifest().content)
        };
        opened.table.chunks() > 0 && list::is_same(self.campaign, opened, given, self.home) && same_content()
    }

    /// A list that was kept, and of which no campaign was made, is the list where nothing comes.
    fn given_or_kept(&self, given: Option<Given>) -> Result<Given, Failure> {
        let kept = list::kept(self.campaign, self.home);
        match given {
            Some(given) => Ok(given),
            None if kept.list.path.exists() => {
                watch::notice(&format!("No list came: it goes on with {}.\n", kept.name));
                Ok(kept)
            }
            None => Err(Failure::usage("the list on standard input is empty: it has no recipient")),
        }
    }

    fn begin(&self, disk: Files) -> Result<Opened, Failure> {
        identity::check_free(self.home)?;
        let given = self.given_or_kept(list::given(self.campaign, self.home, false)?)?;
        let draft = self.draft(&given)?;
        self.make(given, draft, disk)
    }

    fn begin_anew(&self, given: Given, draft: Draft) -> Result<Opened, Failure> {
        self.mark_discarded()?;
        let is_kept = given.is_kept_in(self.home);
        let name = given.name.clone();
        let list = given.keep(self.home)?;
        self.throw_away(is_kept)?;
        self.make(Given::file(list, name), draft, open_journal(self.home)?)
    }

    /// What a campaign of this list would be.
    fn draft(&self, given: &Given) -> Result<Draft, Failure> {
        let &Self { config, campaign, destination, .. } = self;
        let number = fastrand::u32(1..);
        let key = prepare::random_key()?;
        // From this look on the file must stay as it is; a copy of a stream is nobody else's. Why it cannot be read is told next.
        let look = || print::print_at(&given.list, &campaign.recipients.email.value).ok();
        let list = if given.is_stream() { None } else { look() };
        let (content, columns) = content::first(config, campaign, &given.list, key, number, Some(destination))?;
        content.check()?;
        content.tell_list();
        for note in content.findings.iter().filter(|finding| finding.check == types::READ_AS) {
            tracing::info!(list = %note.place, hint = %note.hint, "{}", note.says);
        }
        let mut manifest = Manifest::new(&campaign.name, number, unix_now().0, key, &columns);
        manifest.keys = content::keys(campaign, &columns);
        manifest.subject.clone_from(&campaign.subject.value);
        manifest.content.clone_from(&content.fingerprint);
        manifest.destination = Some(destination.pin());
        manifest.list = list;
        Ok(Draft { content, manifest })
    }

    /// The list comes before the manifest: with that the campaign exists.
    fn make(&self, given: Given, Draft { content, manifest }: Draft, mut disk: Files) -> Result<Opened, Failure> {
        let list = given.keep(self.home)?;
        // Before there is a campaign: one that has no mark yet has not begun.
        identity::keep(self.home, manifest.identity())?;
        let made = Campaign::create(self.home, manifest, &mut disk).map_err(storage)?;
        Ok(Opened { campaign: made, content, settled: Settled::as_it_is(list), disk })
    }

    /// From now on nothing of the campaign counts.
    fn mark_discarded(&self) -> Result<(), Failure> {
        let mark = self.home.join(DISCARDED);
        let made = File::create(mark).and_then(|mark| mark.sync_all()).and_then(|()| File::open(self.home)?.sync_all());
        made.map_err(|error| self.cannot_be_thrown_away(&error))
    }

    /// Removes everything of the campaign but its lock and, with `keeps_list`, the copy of its list. The mark stays
    /// meanwhile: half of a campaign is never taken for a damaged one.
    fn throw_away(&self, keeps_list: bool) -> Result<(), Failure> {
        let home = self.home;
        if let (Some(marks), Ok(manifest)) = (marks_of(home), Manifest::read(home)) {
            disk::forget_mark(&marks, manifest.identity()).map_err(|fault| Failure::failed(fault.to_string()))?;
        }
        let all = || -> io::Result<()> {
            for entry in fs::read_dir(home)? {
                let entry = entry?;
                match entry.file_name().to_str() {
                    Some(DISCARDED | LOCK) => {}
                    Some(list::KEPT) if keeps_list => {}
                    _ if entry.file_type()?.is_dir() => fs::remove_dir_all(entry.path())?,
                    _ => fs::remove_file(entry.path())?,
                }
            }
            File::open(home)?.sync_all()?;
            fs::remove_file(home.join(DISCARDED))
        };
        all().map_err(|error| self.cannot_be_thrown_away(&error))
    }

    fn cannot_be_thrown_away(&self, error: &io::Error) -> Failure {
        Failure::failed(format!("{} cannot be thrown away: {}", self.home.display(), remedy::told(error)))
    }
}

/// A campaign that is not made yet.
struct Draft {
    content: Content,
    manifest: Manifest,
}

fn storage(error: OpenError) -> Failure {
    Failure::failed(error.to_string())
}
