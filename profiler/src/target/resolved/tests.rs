use super::*;
use std::process::{Child, Command};

fn sleeper() -> Child {
    Command::new("sleep").arg("60").spawn().unwrap()
}

fn end(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_name_means_every_process_of_it() {
    let children = [sleeper(), sleeper()];
    let found = ResolvedTarget::processes(&[Wanted::Name(String::from("sleep"))], false);
    let pids = children.each_ref().map(Child::id);
    children.into_iter().for_each(end);
    let found = found.unwrap().processes;
    assert!(pids.iter().all(|pid| found.contains(pid)), "{pids:?} in {found:?}");
}

#[test]
fn the_tree_has_the_children_that_exist() {
    let child = sleeper();
    let own = std::process::id();
    let alone = ResolvedTarget::processes(&[Wanted::Pid(own)], false).unwrap();
    let tree = ResolvedTarget::processes(&[Wanted::Pid(own)], true).unwrap();
    let pid = child.id();
    end(child);
    assert_eq!(alone.processes, [own]);
    assert!(tree.processes.contains(&pid) && tree.processes.contains(&own));
}

#[test]
fn a_child_born_after_the_first_look_is_found_by_the_second() {
    let own = std::process::id();
    let wanted = vec![Wanted::Pid(own)];
    let mut target = ResolvedTarget::processes(&wanted, true).unwrap();
    let child = sleeper();
    let pid = child.id();
    let alone = target.newborn(&TargetSpec::Processes { wanted: wanted.clone(), tree: false });
    let newborn = target.newborn(&TargetSpec::Processes { wanted, tree: true });
    end(child);
    assert_eq!(alone, Vec::<u32>::new());
    assert!(newborn.contains(&pid) && !newborn.contains(&own), "{newborn:?}");
    assert!(target.processes.contains(&pid));
    let bpf::Target::Processes(tasks) = &target.tasks else { panic!("{target:?}") };
    assert!(tasks.contains(&pid));
}

#[test]
fn children_that_are_not_recorded_are_counted() {
    let own = std::process::id();
    let wanted = vec![Wanted::Pid(own)];
    let target = ResolvedTarget::processes(&wanted, false).unwrap();
    let alone = TargetSpec::Processes { wanted: wanted.clone(), tree: false };
    let tree = TargetSpec::Processes { wanted, tree: true };
    let child = sleeper();
    let mut all = BTreeSet::from([own]);
    add_children(&mut all);
    let counted = target.unrecorded_children(&alone, &[]);
    let all: Vec<u32> = all.into_iter().collect();
    let of_recorded = target.unrecorded_children(&alone, &all);
    let of_tree = target.unrecorded_children(&tree, &[]);
    end(child);
    assert!(counted > 0);
    // Other tests may have started children meanwhile.
    assert!(of_recorded < counted || counted > all.len(), "{of_recorded} of {counted}");
    assert_eq!(of_tree, 0);
}

#[test]
fn what_is_not_there_is_not_found() {
    let error = ResolvedTarget::processes(&[Wanted::Name(String::from("no such program"))], false)
        .unwrap_err();
    assert_eq!(error.kind, Kind::NotFound);
    assert!(error.message.contains("no such program"));
    assert_eq!(
        ResolvedTarget::processes(&[Wanted::Pid(0x3fff_ffff)], false).unwrap_err().kind,
        Kind::NotFound
    );
    assert_eq!(ResolvedTarget::threads(&[0x3fff_ffff]).unwrap_err().kind, Kind::NotFound);
}

#[test]
fn a_zombie_is_not_found() {
    let mut child = Command::new("true").spawn().unwrap();
    while !proc::status(child.id()).is_some_and(|s| s.zombie) {
        std::thread::yield_now();
    }
    let error = ResolvedTarget::processes(&[Wanted::Pid(child.id())], false).unwrap_err();
    child.wait().unwrap();
    assert_eq!(error.kind, Kind::NotFound);
    assert!(error.message.contains("has ended"), "{error}");
}

#[test]
fn a_thread_given_as_process_is_told() {
    let (tell, told) = std::sync::mpsc::channel();
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || {
        tell.send(rustix::thread::gettid().as_raw_nonzero().get() as u32).unwrap();
        let _ = stopped.recv();
    });
    let tid = told.recv().unwrap();
    let as_process = ResolvedTarget::processes(&[Wanted::Pid(tid)], false);
    let as_thread = ResolvedTarget::threads(&[tid]);
    drop(stop);
    thread.join().unwrap();
    let error = as_process.unwrap_err().to_string();
    assert!(error.contains(&format!("-p {}", std::process::id())), "{error}");
    assert!(error.contains(&format!("-t {tid}")), "{error}");
    assert_eq!(as_thread.unwrap().processes, [std::process::id()]);
}

#[test]
fn slugs_are_file_names() {
    assert_eq!(task_slug("redis-server", 7), "redis-server-7");
    assert_eq!(task_slug("../a b/c", 7), "_a_b_c-7");
}
