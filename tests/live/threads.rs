//! Threads: their names, and recordings of single ones.

use crate::lab::{self, Running};
use crate::recording::Recording;
use crate::{Skip, tests};
use std::fs;

tests!(
    threads_have_their_names_and_functions,
    one_thread_alone,
    a_renamed_thread_has_both_names,
    a_thread_id_is_not_a_process_id,
    a_process_goes_on_without_its_first_thread,
);

const COLOURS: [&str; 3] = ["red", "green", "blue"];

fn start_threads() -> Result<Running, Skip> {
    lab::need_root()?;
    let running = lab::start(std::process::Command::new(lab::program("threads")?).arg("60"));
    let tasks = || thread_ids(running.pid()).len();
    lab::wait_for("four named threads", || (tasks() == 4).then_some(()));
    Ok(running)
}

/// Thread ids and names.
fn thread_ids(pid: u32) -> Vec<(u32, String)> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).expect("it runs");
    let name =
        |tid: u32| fs::read_to_string(format!("/proc/{pid}/task/{tid}/comm")).unwrap_or_default();
    let ids = tasks.filter_map(|task| task.ok()?.file_name().to_str()?.parse().ok());
    ids.map(|tid| (tid, name(tid).trim().to_owned())).collect()
}

fn tid_of(running: &Running, name: &str) -> u32 {
    lab::wait_for(name, || {
        thread_ids(running.pid()).into_iter().find(|(_, n)| n == name).map(|(tid, _)| tid)
    })
}

fn threads_have_their_names_and_functions() -> Result<(), Skip> {
    let running = start_threads()?;
    let recording = Recording::make(&format!("-p {} -d 2s -F 997", running.pid()), &[]);
    for colour in COLOURS {
        let tid = tid_of(&running, colour).to_string();
        let function = format!("burn_{colour}");
        let own = recording.pprof.count(|s| s.label("thread") == Some(colour));
        assert!(own > 10, "{colour} was sampled: {:?}", recording.ended.err);
        let fitting = recording.pprof.count(|s| {
            s.label("thread") == Some(colour) && s.label("tid") == Some(&tid) && s.has(&function)
        });
        assert!(fitting * 100 >= own * 97, "{fitting} of {own} in {function}");
        assert_eq!(
            recording.pprof.count(|s| s.label("thread") != Some(colour) && s.has(&function)),
            0
        );
    }
    assert_eq!(recording.pprof.label_values("comm"), ["threads"], "comm is the process's name");
    assert_eq!(recording.pprof.label_values("pid"), [running.pid().to_string()]);
    Ok(())
}

fn one_thread_alone() -> Result<(), Skip> {
    let running = start_threads()?;
    let recording = Recording::make(&format!("-t {} -d 1s -F 199", tid_of(&running, "green")), &[]);
    assert_eq!(recording.pprof.label_values("thread"), ["green"]);
    assert!(recording.folded.share_of("burn_green") > 0.97, "{:?}", recording.folded);
    Ok(())
}

fn a_renamed_thread_has_both_names() -> Result<(), Skip> {
    lab::need_root()?;
    let program = lab::program("rename")?;
    let recording = Recording::make("-F 199", &[program.to_str().expect("a plain path"), "2"]);
    let names = recording.pprof.label_values("thread");
    assert!(names.contains(&"caterpillar") && names.contains(&"butterfly"), "{names:?}");
    Ok(())
}

fn a_thread_id_is_not_a_process_id() -> Result<(), Skip> {
    let running = start_threads()?;
    let tid = tid_of(&running, "blue").to_string();
    let ended = lab::run(["record", "-p", &tid, "-d", "1s"]).with_code(6);
    assert!(ended.err.contains(&format!("-t {tid}")), "it names the way: {}", ended.err);
    Ok(())
}

/// The kernel shows no mappings and no program of such a process, but those of its other threads.
fn a_process_goes_on_without_its_first_thread() -> Result<(), Skip> {
    lab::need_root()?;
    let running = lab::start(std::process::Command::new(lab::program("headless")?).arg("60"));
    let status = format!("/proc/{}/status", running.pid());
    let ended = || fs::read_to_string(&status).is_ok_and(|status| status.contains("Z (zombie)"));
    lab::wait_for("the end of the first thread", || ended().then_some(()));
    for options in [format!("-p {} -d 1s -F 499", running.pid()), String::from("-a -d 1s -F 499")] {
        let recording = Recording::make(&options, &[]);
        let of = |named: bool| {
            recording.pprof.count(|sample| {
                sample.label("comm") == Some("headless") && (!named || sample.has("works_on"))
            })
        };
        let (all, named) = (of(false), of(true));
        assert!(
            all > 20 && named * 100 >= all * 90,
            "{options}: {named} of {all}: {}",
            recording.ended.err
        );
    }
    Ok(())
}
