//! The messages of sending: one line for each receiver, and an error if something was not delivered.

use super::keep::Kept;
use super::{Outcome, Push};
use crate::host::console::{self, Console};
use crate::host::exit::{Failure, Kind};
use output::tell::counted;
use std::path::Path;

/// The most causes that are printed for one receiver.
const CAUSES: usize = 3;

impl Push {
    /// Prints the outcomes of sending a profile. `from` is the file that was sent, if any.
    ///
    /// # Errors
    /// When something was not delivered. The error says what, why, the file in which it is saved, and the command that
    /// sends it.
    pub(crate) fn tell(
        &self,
        outcomes: &[Outcome],
        kept: &[Kept],
        service_name: &str,
        from: Option<&Path>,
        console: Console,
    ) -> Result<(), Failure> {
        let from = from.map_or(String::new(), |path| format!("{} ", path.display()));
        for outcome in outcomes {
            for told in &outcome.doubts {
                console.warn(format_args!("{from}→ {}: {told}", outcome.to));
            }
            for told in &outcome.advice {
                console.warn(format_args!(
                    "{from}→ {}: accepted, with the remark: {told}",
                    outcome.to
                ));
            }
            if outcome.is_whole() {
                let (to, parts) = (&outcome.to, parts(outcome.parts));
                console.note(format_args!("{from}→ {to}: {parts}, {}", outcome.whole));
            }
        }
        let mut failed: Vec<String> = outcomes
            .iter()
            .filter(|outcome| !outcome.is_whole())
            .map(|outcome| format!("{from}→ {}", not_delivered(outcome)))
            .collect();
        let Some(last) = failed.pop() else { return Ok(()) };
        failed.iter().for_each(console::line);
        let cures: Vec<String> = kept.iter().map(|kept| self.cure(kept, service_name)).collect();
        Err(Failure::new(Kind::Failed, last).cure(cures.join("; ")))
    }

    fn cure(&self, kept: &Kept, service_name: &str) -> String {
        let receivers: Vec<_> = kept.receivers.iter().map(|at| &self.receivers[*at]).collect();
        match &kept.file {
            Ok(path) => format!(
                "kept in {}: `{}` sends it again",
                path.display(),
                self.again(path, &receivers, service_name)
            ),
            Err(why) => format!("it could not be saved either: {why}"),
        }
    }
}

fn parts(count: usize) -> String {
    counted(count as u64, "part")
}

/// `parca at http://…: 1 of 2 parts delivered, 617 samples, 6.2 s CPU missing: it answered 503`.
fn not_delivered(outcome: &Outcome) -> String {
    let Outcome { to, missing, .. } = outcome;
    let of = match (outcome.delivered, outcome.parts) {
        (0, _) => format!("nothing delivered of {missing}"),
        (delivered, all) => format!("{delivered} of {} delivered, {missing} missing", parts(all)),
    };
    let several = outcome.causes.len() > 1;
    let mut causes: Vec<String> = outcome
        .causes
        .iter()
        .take(CAUSES)
        .map(|(cause, count)| match several {
            true => format!("{cause} ({})", parts(*count)),
            false => cause.clone(),
        })
        .collect();
    if outcome.causes.len() > CAUSES {
        causes.push(format!("and {} other causes", outcome.causes.len() - CAUSES));
    }
    format!("{to}: {of}: {}", causes.join(", "))
}
