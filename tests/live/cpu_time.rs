//! CPU seconds, held against the kernel's own account.

use crate::{Skip, lab, tests};
use std::fs;
use std::process::Command;
use tempfile::tempdir;

tests!(
    a_command_s_cpu_time,
    four_threads_cpu_time,
    children_that_are_reaped_count,
    children_from_before_do_not_count,
    the_machine_s_cpu_time,
);

/// The figures of a recording.
struct Account {
    samples: f64,
    lost: f64,
    sampled: f64,
    accounted: f64,
}

impl Account {
    fn of(words: &[&str]) -> Self {
        let directory = tempdir().expect("there is room");
        let stats = directory.path().join("stats.json");
        let mut command = lab::command(["record", "-q", "-F", "499", "--stats"]);
        command.arg(&stats).arg("-o").arg(directory.path().join("out.folded")).args(words);
        lab::finish(&mut command).with_code(0);
        let text = fs::read_to_string(&stats).expect("the figures are there");
        let number = |key: &str| {
            let (_, rest) = text.split_once(&format!("\"{key}\":")).expect(key);
            let end = rest.find([',', '}', '\n']).expect("the object ends");
            rest[..end].trim().parse().unwrap_or_else(|_| panic!("{key} in {text}"))
        };
        Self {
            samples: number("samples"),
            lost: number("lost_total"),
            sampled: number("cpu_ns"),
            accounted: number("accounted_cpu_ns"),
        }
    }

    /// By how much samples and account differ; and four times the sampling error, the ticks in which the kernel rounds, and what
    /// was lost.
    fn difference(&self) -> (f64, f64) {
        let error = 4.0 / self.samples.sqrt() + 0.02 + self.lost / (self.samples + self.lost);
        ((self.sampled - self.accounted) / self.accounted, error)
    }

    fn agrees(&self) {
        let (difference, error) = self.difference();
        assert!(
            difference.abs() < error,
            "{:.3} s of samples, {:.3} s by the kernel's account: {difference:+.3}, at most {error:.3}",
            self.sampled / 1e9,
            self.accounted / 1e9
        );
    }
}

fn path(name: &str) -> Result<String, Skip> {
    Ok(lab::program(name)?.display().to_string())
}

fn a_command_s_cpu_time() -> Result<(), Skip> {
    lab::need_root()?;
    Account::of(&["--", &path("chain")?, "3"]).agrees();
    Ok(())
}

fn four_threads_cpu_time() -> Result<(), Skip> {
    lab::need_root()?;
    let running = lab::start(Command::new(path("threads")?).arg("60"));
    Account::of(&["-d", "3", "-p", &running.pid().to_string()]).agrees();
    Ok(())
}

fn children_that_are_reaped_count() -> Result<(), Skip> {
    lab::need_root()?;
    let script = format!("for n in 1 2 3 4 5 6 7 8; do {} 0.3; done", path("chain")?);
    Account::of(&["--", "sh", "-c", &script]).agrees();
    Ok(())
}

/// A child that is alive at the beginning has run for long, and its parent has its whole life when it is reaped.
fn children_from_before_do_not_count() -> Result<(), Skip> {
    lab::need_root()?;
    let chain = path("chain")?;
    let script = format!("{chain} 5 & while :; do {chain} 0.3; done");
    let shell = lab::start(Command::new("sh").args(["-c", &script]));
    let children = format!("/proc/{0}/task/{0}/children", shell.pid());
    lab::wait_for("a first child", || {
        (!fs::read_to_string(&children).ok()?.is_empty()).then_some(())
    });
    std::thread::sleep(std::time::Duration::from_secs(2));
    Account::of(&["-d", "5", "-p", &shell.pid().to_string()]).agrees();
    Ok(())
}

fn the_machine_s_cpu_time() -> Result<(), Skip> {
    lab::need_root()?;
    let _busy = lab::start(Command::new(path("chain")?).arg("60"));
    // A hypervisor may take a CPU away for a while, which the kernel's account leaves out and samples by the clock do not.
    let mut account = Account::of(&["-d", "3", "-a"]);
    for _ in 0..2 {
        let (difference, error) = account.difference();
        if difference.abs() >= error {
            account = Account::of(&["-d", "3", "-a"]);
        }
    }
    account.agrees();
    Ok(())
}
