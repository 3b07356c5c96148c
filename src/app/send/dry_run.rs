//! `posthaste send --dry-run`.
use super::*;
/// x
pub fn run(_: &SendArgs, _: &EngineConfig, _: &CampaignConfig) -> Result<Exit, Failure> {
    Ok(Exit::Settled)
}
