//! The permissions of what is on disk: recipients, keys and outcomes are for this user, and for one group if that is
//! asked for; whatever the umask was.
//!
//! Guarantees: [`begin`] comes before the first file, so that no file is ever wider for a moment; what an earlier version,
//! or somebody, left wider is tightened by [`tighten`], or told. Leaves to others: files that are somebody else's.

use crate::base::access;
use crate::wire::process;
use std::fs::{self, File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, fchown, lchown};
use std::path::Path;

/// How deep the data directory is looked through: `campaign/<name>/j/<file>`.
const DEPTH_MAX: usize = 5;
/// What stands in a data directory of ours; besides it only event logs and the like, which have owners of their own.
const OURS: [&str; 10] =
    ["lock", "campaign", "marks", "sink", "spool", "suppress", "hosts.jsonl", "mta-sts", "tls-rpt", "dry-run"];
/// Complaints that are told one by one.
const TOLD_MAX: usize = 10;

/// From here on what this process makes is for its user alone, or for the group that is shared with.
pub fn begin() {
    process::set_umask(access::mask());
}

/// From here on this group may read too.
///
/// # Errors
/// There is no such group.
pub fn share_with(group: &str) -> io::Result<()> {
    access::share_with(process::group_id(group)?);
    begin();
    Ok(())
}

/// The user whose directory this is, where this process is root's and that user is another: what root makes in there that user
/// cannot use.
#[must_use]
pub fn other_owner(directory: &Path) -> Option<String> {
    let owner = fs::metadata(directory).ok()?.uid();
    (owner != 0 && process::is_root()).then(|| process::user_name(owner))
}

/// The user in whose folder this directory is about to be made, where this process is root's and that user is another.
#[must_use]
pub fn host_of_new(directory: &Path) -> Option<String> {
    let is_new = directory.symlink_metadata().is_err_and(|e| e.kind() == io::ErrorKind::NotFound);
    let absolute = std::path::absolute(directory).ok().filter(|_| is_new && process::is_root())?;
    let parent = absolute.ancestors().skip(1).find_map(|parent| fs::metadata(parent).ok())?;
    (parent.uid() != 0).then(|| process::user_name(parent.uid()))
}

/// Whose the first of these is that is there, where it is not this user's.
#[must_use]
pub fn stranger(paths: &[&Path]) -> Option<String> {
    let found = paths.iter().find_map(|path| fs::metadata(path).ok())?;
    let is_other = fs::metadata("/proc/self").is_ok_and(|own| own.uid() != found.uid());
    is_other.then(|| process::user_name(found.uid()))
}

/// Gives an open file of ours the permissions and the group that it should have. Pipes, devices and the like are left alone.
///
/// # Errors
/// It is not ours to change.
pub fn own(file: &File) -> io::Result<()> {
    let found = file.metadata()?;
    let Some(wanted) = wanted(&found) else { return Ok(()) };
    if let Some(group) = access::group().filter(|group| *group != found.gid()) {
        fchown(file, None, Some(group))?;
    }
    if found.mode() & 0o7777 != wanted {
        file.set_permissions(Permissions::from_mode(wanted))?;
    }
    Ok(())
}

/// Makes a directory, and those above it, if they are not there; what is made here is ours alone.
///
/// # Errors
/// It cannot be made.
pub fn make_directory(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        make_directory(parent)?;
    }
    match fs::create_dir(path) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        made => made.and_then(|()| own(&File::open(path)?)),
    }
}

/// Takes from others what they may read in a data directory; what cannot be taken is returned, for people. A directory that
/// is closed is taken for closed with all that is below; `home`, which is about to be used, is looked through to its end.
#[must_use]
pub fn tighten(data: &Path, home: &Path) -> Vec<String> {
    let mut told = Vec::new();
    let mut shared = false;
    for (name, path) in entries(data) {
        let ours = OURS.iter().any(|known| name == *known || name.strip_prefix(known).is_some_and(is_suffix));
        if ours {
            tighten_below(&path, DEPTH_MAX, false, &mut told);
        }
        shared |= !ours;
    }
    tighten_below(home, DEPTH_MAX, true, &mut told);
    // A directory that holds other things as well (the current one, /tmp) is not ours to close.
    if !shared {
        tighten_one(data, &mut told);
    }
    told.truncate(TOLD_MAX);
    told
}

/// `hosts.jsonl.tmp`, `tls-rpt.json`, `dry-run-17` are ours too.
fn is_suffix(rest: &str) -> bool {
    rest.starts_with(['.', '-'])
}

fn entries(directory: &Path) -> Vec<(String, std::path::PathBuf)> {
    let found = fs::read_dir(directory).into_iter().flatten().flatten();
    found.map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path())).collect()
}

fn tighten_below(path: &Path, depth: usize, all: bool, told: &mut Vec<String>) {
    let was_open = tighten_one(path, told);
    let is_directory = fs::symlink_metadata(path).is_ok_and(|found| found.is_dir());
    if is_directory && depth > 0 && (was_open || all) {
        entries(path).iter().for_each(|(_, below)| tighten_below(below, depth - 1, all, told));
    }
}

/// Whether it was other than it should be.
fn tighten_one(path: &Path, told: &mut Vec<String>) -> bool {
    // A file that is gone meanwhile needs nothing; a link is not followed.
    let Ok(found) = fs::symlink_metadata(path) else { return false };
    let Some(wanted) = wanted(&found) else { return false };
    let mode = found.mode() & 0o7777;
    let group = access::group().filter(|group| *group != found.gid());
    let wide = mode & 0o7777 & !wanted != 0;
    let regroup = group.map_or(Ok(()), |group| lchown(path, None, Some(group)));
    let narrow = if mode == wanted { Ok(()) } else { fs::set_permissions(path, Permissions::from_mode(wanted)) };
    let place = path.display();
    if let Err(e) = narrow
        && wide
    {
        told.push(format!("{place} can be read by others (mode {mode:04o}), and that cannot be changed: {e}"));
    } else if let (Err(e), Some(group)) = (regroup, group) {
        told.push(format!("{place} cannot be given to the group {group}: {e}"));
    }
    mode != wanted || group.is_some()
}

/// The permissions that a file or a directory should have; nobody's business for anything else.
fn wanted(found: &Metadata) -> Option<u32> {
    match (found.is_file(), found.is_dir()) {
        (true, _) => Some(access::file_mode()),
        (_, true) => Some(access::directory_mode()),
        _ => None,
    }
}

/// A pipe in a file's place would be waited for without end.
///
/// # Errors
/// There is one.
pub fn refuse_pipe(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(found) if found.file_type().is_fifo() => Err(io::Error::new(io::ErrorKind::InvalidData, "it is a pipe")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    fn wide(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn what_others_may_read_is_taken_from_them_and_strangers_are_left_alone() {
        let home = tempfile::tempdir().unwrap();
        let data = home.path().join("data");
        make_directory(&data.join("campaign/news/j")).unwrap();
        make_directory(&data.join("campaign/old")).unwrap();
        assert_eq!([mode(&data), mode(&data.join("campaign/news/j"))], [0o700; 2]);
        let rows = data.join("campaign/news/rows.dat");
        let hosts = data.join("hosts.jsonl");
        let closed = data.join("campaign/old/rows.dat");
        for file in [&rows, &hosts, &closed] {
            fs::write(file, "x").unwrap();
            wide(file, 0o666);
        }
        wide(&data, 0o755);
        wide(&data.join("campaign"), 0o777);
        assert_eq!(tighten(&data, &data.join("campaign/news")), Vec::<String>::new());
        assert_eq!([mode(&rows), mode(&hosts)], [0o600; 2]);
        assert_eq!(mode(&closed), 0o666, "nobody else comes into its directory");
        assert_eq!([mode(&data), mode(&data.join("campaign"))], [0o700; 2]);

        // A directory with other things in it stays as it is, and so do they.
        let other = data.join("photo.jpg");
        fs::write(&other, "x").unwrap();
        wide(&other, 0o644);
        wide(&data, 0o755);
        wide(&rows, 0o644);
        assert_eq!(tighten(&data, &data.join("campaign/news")), Vec::<String>::new());
        assert_eq!([mode(&other), mode(&data), mode(&rows)], [0o644, 0o755, 0o600]);
    }

    #[test]
    fn an_open_file_becomes_ours_and_a_device_does_not() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("x");
        fs::write(&path, "x").unwrap();
        wide(&path, 0o644);
        own(&File::open(&path).unwrap()).unwrap();
        assert_eq!(mode(&path), 0o600);
        let before = mode(Path::new("/dev/null"));
        own(&File::open("/dev/null").unwrap()).unwrap();
        assert_eq!(mode(Path::new("/dev/null")), before);
    }
}
