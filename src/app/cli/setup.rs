//! The commands that make things ready: a campaign's folder, configurations, completions, manual pages.

use crate::content::Syntax;
use crate::content::convert::Engine;
use clap::{Args, ValueEnum};
use clap_complete::Shell;
use std::path::PathBuf;

const NEW_EXAMPLES: &str = "\
Examples:
  A campaign with a sample list:
    posthaste new spring
  For a list that is there; the letter greets by its columns:
    posthaste new spring --from people.csv
  Then, as the command says at its end:
    cd spring && posthaste send campaign.toml --sink

Nothing that is there is ever written over. The list stays where it is: the campaign names it.";

const CONVERT_EXAMPLES: &str = "\
Examples:
  A letter of Mailchimp, with the names that the list has for its tags:
    posthaste convert old.html --from mailchimp --list people.csv \\
      -o letter.html
  To standard output; tags in brackets, for a page full of braces:
    posthaste convert old.html --from liquid --syntax brackets

What has no translation becomes a comment, and is told with its line.

Exit codes: 0 all of it is translated, 1 something is left, 2 usage.";

const CONFIG_EXAMPLES: &str = "\
Examples:
  Every setting of the engine, with default and meaning:
    posthaste config > engine.toml
  Look for mistakes, and show what differs from the defaults:
    posthaste config engine.toml
  Every key that a campaign's file may have:
    posthaste config --campaign

Which file the other commands use: --config, else the one that POSTHASTE_CONFIG names, else \
/etc/posthaste/engine.toml, else the defaults (also where POSTHASTE_CONFIG is set and empty).";

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  posthaste completions bash \\
    > /usr/share/bash-completion/completions/posthaste
  posthaste completions zsh \\
    > /usr/share/zsh/site-functions/_posthaste
  posthaste completions fish \\
    > ~/.config/fish/completions/posthaste.fish";

const MAN_EXAMPLES: &str = "\
Examples:
  Read the page of the program:
    posthaste man | man -l -
  Install all pages:
    posthaste man /usr/local/share/man/man1";

/// `posthaste new`
#[derive(Args, Clone, Debug, PartialEq)]
#[command(after_help = NEW_EXAMPLES)]
pub struct NewArgs {
    /// The folder to make; its last part names the campaign: a-z 0-9 . _ -
    pub name: PathBuf,
    /// The list of recipients: its columns are looked at, and the letter uses them
    #[arg(long, value_name = "LIST")]
    pub from: Option<PathBuf>,
    /// The sheet of the workbook that is the list; without it: the first
    #[arg(long, value_name = "NAME", requires = "from")]
    pub sheet: Option<String>,
}

/// An engine whose templates can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Original {
    /// Merge tags: *|FNAME|*
    Mailchimp,
    /// {{name}}, {{#if name}}; also Mustache
    Handlebars,
    /// {{ name | default: "x" }}, {% assign … %}
    Liquid,
    /// Handlebars with SendGrid's helpers, and -name-, %name%, <%asm…%>
    Sendgrid,
}

impl Original {
    /// The engine itself.
    #[must_use]
    pub fn engine(self) -> Engine {
        match self {
            Self::Mailchimp => Engine::Mailchimp,
            Self::Handlebars => Engine::Handlebars,
            Self::Liquid => Engine::Liquid,
            Self::Sendgrid => Engine::SendGrid,
        }
    }
}

/// How tags of ours are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Tags {
    /// {{ name }}
    Jinja,
    /// [[ name ]], with syntax = "brackets" under [content] of the campaign's file
    Brackets,
}

impl Tags {
    /// The syntax itself.
    #[must_use]
    pub fn syntax(self) -> Syntax {
        match self {
            Self::Jinja => Syntax::Jinja,
            Self::Brackets => Syntax::Brackets,
        }
    }
}

/// `posthaste convert`
#[derive(Args, Clone, Debug, PartialEq)]
#[command(after_help = CONVERT_EXAMPLES)]
pub struct ConvertArgs {
    /// The template; `-` for standard input
    #[arg(value_name = "FILE")]
    pub template: PathBuf,
    /// Whose template it is
    #[arg(long, value_name = "ENGINE")]
    pub from: Original,
    /// The list of recipients: names are written as its columns are called, and values asked as what they are there
    #[arg(long, value_name = "LIST")]
    pub list: Option<PathBuf>,
    /// Where to write; without it, standard output
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write over a file that is there
    #[arg(long, requires = "output")]
    pub force: bool,
    /// How the tags are written
    #[arg(long, value_name = "SYNTAX", default_value = "jinja")]
    pub syntax: Tags,
}

/// `posthaste config`
#[derive(Args, Clone, Debug, PartialEq)]
#[command(after_help = CONFIG_EXAMPLES)]
pub struct ConfigArgs {
    /// Check this configuration, and show what differs from the defaults
    #[arg(value_name = "FILE", conflicts_with = "campaign")]
    pub file: Option<PathBuf>,
    /// Print every key of a campaign's file instead
    #[arg(long)]
    pub campaign: bool,
}

/// `posthaste completions`
#[derive(Args, Clone, Debug, PartialEq)]
#[command(after_help = COMPLETIONS_EXAMPLES)]
pub struct CompletionsArgs {
    /// The shell
    pub shell: Shell,
}

/// `posthaste man`
#[derive(Args, Clone, Debug, PartialEq)]
#[command(after_help = MAN_EXAMPLES)]
pub struct ManArgs {
    /// Write a page for the program and one for each command to this folder
    #[arg(value_name = "DIR")]
    pub folder: Option<PathBuf>,
}
