//! Opening a campaign: a new one, one that goes on, or one of which nobody got anything, and which begins anew.
//!
//! Guarantees: while nothing was handed over, a refused list, template or pipe leaves nothing behind that stands in the way
//! of the next start; once something was, nothing of the campaign is thrown away. Leaves to others: which list it is
//! (`list`), and where its mail goes (`pin`).

use super::super::cli::SendArgs;
use super::super::config::{CampaignConfig, EngineConfig};
use super::super::destination::Destination;
use super::super::exit::Failure;
use super::content::{self, Content};
use super::list::{self, Given};
use super::{marks_of, open_journal, pin, prepare, report_damage, watch};
use crate::base::remedy;
use crate::engine::campaign::{Campaign, OpenError, Opening, Release, is_there, journal_of};
use crate::engine::loader::List;
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
    /// Its list.
    pub list: List,
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
            self.throw_away()?;
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
        if there { self.go_on(disk) } else { self.begin(None, disk) }
    }

    fn go_on(&self, mut disk: Files) -> Result<Opened, Failure> {
        let &Self { args, config, campaign, destination, home } = self;
        let accept_damage = args.accept_damage.then(|| prepare::on_uncertain(campaign));
        let held = match (args.retry_held, args.cancel_held) {
            (true, _) => Some(Release::Retry),
            (_, true) => Some(Release::Cancel),
            _ => None,
        };
        let how = Opening { accept_damage, held, ..Opening::at(unix_now()) };
        let mut opened = Campaign::open(home, &mut disk, &how).map_err(storage)?;
        report_damage(&opened);
        pin::hold(args, destination, &mut opened)?;
        let given = list::given(campaign, home, true)?;
        if !opened.has_begun() && !self.is_as_it_was(&opened, given.as_ref()) {
            watch::notice(&format!(
                "Nobody has got anything of campaign {}: it begins anew, with the list and the content of now.\n",
                campaign.name
            ));
            drop((opened, disk));
            self.throw_away()?;
            return self.begin(given, open_journal(home)?);
        }
        let list = list::settle(args, campaign, home, &mut opened, given)?;
        let content = content::again(config, campaign, home, &opened)?;
        if opened.table.manifest().content != content.fingerprint {
            tracing::warn!(
                campaign = %campaign.name,
                "the content has changed since this campaign was begun: recipients still to come get the new one"
            );
            opened.table.set_content(&content.fingerprint).map_err(|e| Failure::failed(e.to_string()))?;
        }
        Ok(Opened { campaign: opened, content, list, disk })
    }

    /// Whether what was loaded so far is what would be loaded now.
    fn is_as_it_was(&self, opened: &Campaign, given: Option<&Given>) -> bool {
        let same_content = || {
            let content = content::again(self.config, self.campaign, self.home, opened);
            content.is_ok_and(|content| content.fingerprint == opened.table.manifest().content)
        };
        opened.table.chunks() > 0 && list::is_same(self.campaign, opened, given, self.home) && same_content()
    }

    fn begin(&self, given: Option<Given>, mut disk: Files) -> Result<Opened, Failure> {
        let &Self { config, campaign, destination, home, .. } = self;
        let given = match given {
            Some(given) => given,
            None => list::given(campaign, home, false)?
                .ok_or_else(|| Failure::usage("the list on standard input is empty: it has no recipient"))?,
        };
        let number = fastrand::u32(1..);
        let key = prepare::random_key()?;
        let (content, columns) = content::first(config, campaign, &given.list, key, number)?;
        let mut manifest = Manifest::new(&campaign.name, number, unix_now().0, key, &columns);
        manifest.content.clone_from(&content.fingerprint);
        manifest.destination = Some(destination.pin());
        let made = Campaign::create(home, manifest, &mut disk).map_err(storage)?;
        let list = given.keep(home)?;
        Ok(Opened { campaign: made, content, list, disk })
    }

    /// Removes everything of the campaign but its lock. A mark says so meanwhile: half of one is never taken for damaged.
    fn throw_away(&self) -> Result<(), Failure> {
        let home = self.home;
        if let (Some(marks), Ok(manifest)) = (marks_of(home), Manifest::read(home)) {
            disk::forget_mark(&marks, manifest.identity()).map_err(|fault| Failure::failed(fault.to_string()))?;
        }
        let all = || -> io::Result<()> {
            let mark = home.join(DISCARDED);
            File::create(&mark)?.sync_all()?;
            File::open(home)?.sync_all()?;
            for entry in fs::read_dir(home)? {
                let entry = entry?;
                match entry.file_name().to_str() {
                    Some(DISCARDED | LOCK) => {}
                    _ if entry.file_type()?.is_dir() => fs::remove_dir_all(entry.path())?,
                    _ => fs::remove_file(entry.path())?,
                }
            }
            File::open(home)?.sync_all()?;
            fs::remove_file(mark)
        };
        all().map_err(|e| Failure::failed(format!("{} cannot be thrown away: {}", home.display(), remedy::told(&e))))
    }
}

fn storage(error: OpenError) -> Failure {
    Failure::failed(error.to_string())
}
