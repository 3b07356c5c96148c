//! Tells the program which commit it is built from, and how.
//!
//! `POSTHASTE_COMMIT` of the environment goes before what git says; git is asked for a release only, so that a commit alone
//! builds nothing anew while one develops. Without both the version stands alone: a source archive builds, too.

use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=POSTHASTE_COMMIT");
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let profile = variable("PROFILE");
    let given = variable("POSTHASTE_COMMIT");
    let commit = match given.trim() {
        "" if profile == "release" => of_git(Path::new(&variable("CARGO_MANIFEST_DIR"))).unwrap_or_default(),
        given => given.to_owned(),
    };
    let plain = !commit.is_empty() && commit.chars().all(|c| c.is_ascii_alphanumeric() || "-._+".contains(c));
    let shown = if plain { format!(" (commit {commit})") } else { String::new() };
    println!("cargo:rustc-env=POSTHASTE_COMMIT_SHOWN={shown}");
    println!("cargo:rustc-env=POSTHASTE_BUILD={}, {profile}", variable("TARGET"));
}

/// The commit of this folder's own repository; a repository that the folder merely lies in is another one's.
fn of_git(folder: &Path) -> Option<String> {
    let git = |words: &[&str]| {
        let output = Command::new("git").arg("-C").arg(folder).args(words).output().ok()?;
        let said = String::from_utf8(output.stdout).ok()?.trim().to_owned();
        (output.status.success() && !said.is_empty()).then_some(said)
    };
    let top = PathBuf::from(git(&["rev-parse", "--show-toplevel"])?);
    if top.canonicalize().ok()? != folder.canonicalize().ok()? {
        return None;
    }
    for name in ["HEAD", "logs/HEAD"] {
        let path = folder.join(git(&["rev-parse", "--git-path", name])?);
        if path.exists() {
            println!("cargo:rerun-if-changed={}", path.display());
        }
    }
    git(&["rev-parse", "--short=10", "HEAD"])
}
