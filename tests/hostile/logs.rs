//! Catches what is logged on this thread.

use crate::scenario::Line;
use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// No more lines are kept.
const LINES_MAX: usize = 10_000;

struct Catch(Arc<Mutex<Vec<Line>>>);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let text = format!("{value:?}");
        let text = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')).unwrap_or(&text).to_owned();
        let _ = write!(self.all, "{}={text} ", field.name());
        match field.name() {
            "message" => self.message = text,
            "host" => self.host = text,
            "phase" => self.phase = text,
            _ => {}
        }
    }
}

impl Subscriber for Catch {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= tracing::Level::INFO && metadata.target().starts_with("posthaste")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        let mut lines = self.0.lock().unwrap();
        if lines.len() < LINES_MAX {
            lines.push(line);
        }
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Runs `work`; also what it logged.
pub fn caught<T>(work: impl FnOnce() -> T) -> (T, Vec<Line>) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let made = tracing::subscriber::with_default(Catch(lines.clone()), work);
    let lines = std::mem::take(&mut *lines.lock().unwrap());
    (made, lines)
}
