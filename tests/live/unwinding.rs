//! Complete is not correct: programs without frame pointers whose call chain is known at every instruction.

mod calls;
mod changes;
mod edges;
mod measure;

use crate::{Skip, lab, tests};
use calls::{Calls, Frame};
use measure::{Fixture, Oracle, measure};
use std::path::PathBuf;

pub(super) use changes::tests as changes;

tests!(
    frames_of_all_kinds,
    frames_of_musl,
    threads,
    recursion,
    signals,
    stubs,
    the_kernel_and_the_vdso,
    exceptions,
    rust,
    go,
    cgo,
    assembly,
);

const FRAMES: &str = "
main
  once
    pushes
      no_frame
      one_push
      all_pushes
      base_is_data
    frames
      small_frame
      large_frame
      early_return
      large_caller
        under_a_large_frame
    allocas
      small_alloca
        holds
      large_alloca
        holds_much
    tails
      tail_start
      tail_middle
        before_the_jump
      tail_end
    alignments
      aligned_frame
        takes
      aligned_with_arguments
        takes_too
      realigned
        in_realigned
      realigned_vector
";

fn frames_of_all_kinds() -> Result<(), Skip> {
    measure(&[
        Fixture::new("known", FRAMES)?,
        Fixture::new("known-static", FRAMES)?,
        Fixture::new("known-static-pie", FRAMES)?,
    ])
}

fn frames_of_musl() -> Result<(), Skip> {
    let _ = lab::need("musl-gcc")?;
    measure(&[Fixture::new("known-musl", FRAMES)?])
}

fn threads() -> Result<(), Skip> {
    let calls = "
in_thread
  thread_frame
    thread_leaf
";
    let fixture = Fixture::new("known-threads", calls)?;
    measure(&[fixture.by(Oracle::Own(Calls::parse(calls)))])
}

fn recursion() -> Result<(), Skip> {
    measure(&[
        Fixture::new("known-deep", "main")?
            .with("known-deep 900", &["900"])
            .by(Oracle::Fits(whole_recursion)),
        Fixture::new("known-deep", "main")?
            .with("known-deep 2000", &["2000"])
            .by(Oracle::Fits(cut_recursion)),
    ])
}

/// Whether the functions of the recursion follow one another in turn; how many they are, and what is above them.
fn turns(stack: &[Frame]) -> Option<(usize, &[Frame])> {
    let of = |frame: &Frame| match frame.name.as_str() {
        "descend_a" => Some(0),
        "descend_b" => Some(1),
        "descend_c" => Some(2),
        _ => None,
    };
    let numbers: Vec<usize> = stack.iter().map_while(of).collect();
    let in_turn = numbers.windows(2).all(|pair| pair[1] == (pair[0] + 1) % 3);
    in_turn.then(|| (numbers.len(), &stack[numbers.len()..]))
}

fn is_ground(stack: &[Frame]) -> bool {
    let names: Vec<&str> = stack.iter().map(|frame| frame.name.as_str()).collect();
    matches!(names[..], ["ground"] | ["ground", "ground_leaf"])
}

fn whole_recursion(stack: &[Frame]) -> bool {
    let Some(main) = stack.iter().position(|frame| frame.name == "main") else { return false };
    let begins = main == 3 && stack[0].name == "_start" && stack[1].file == stack[2].file;
    let Some((depth, above)) = turns(&stack[main + 1..]) else { return false };
    begins && if above.is_empty() { depth <= 900 } else { depth == 900 && is_ground(above) }
}

/// The stack's upper end. On the way there, while it is not yet too deep, it is whole.
fn cut_recursion(stack: &[Frame]) -> bool {
    let own = stack.iter().position(|frame| frame.name.starts_with("descend_"));
    let Some((depth, above)) = own.and_then(|own| turns(&stack[own..])) else {
        return stack.last().is_some_and(|leaf| leaf.name == "main");
    };
    let ends = above.is_empty() || is_ground(above);
    let whole = stack[0].name == "_start" && above.is_empty();
    ends && (whole || depth + above.len() == 1024)
}

fn signals() -> Result<(), Skip> {
    let calls = "
main
  is_hit
    hit_without_frame
    hit_with_pushes
    hit_with_frame
*
  @libc.so
    handler
      handler_frame
        handler_leaf
";
    measure(&[
        Fixture::new("known-signals", calls)?,
        Fixture::new("known-signals", calls)?.with("known-signals alternate", &["alternate"]),
    ])
}

fn stubs() -> Result<(), Skip> {
    let calls = "
main
  calls_leaf
    shared_leaf@plt
    shared_leaf
  calls_out
    shared_outer@plt
    shared_outer
      shared_inner@plt
      shared_inner
";
    let bound = |name| Fixture::new(name, calls);
    let mut never_bound = Fixture::new(
        "known-calls-lazy",
        "
main
  calls_leaf
    shared_leaf@plt
    known-calls-lazy+[plt]
    @ld-linux
    shared_leaf
  calls_out
    shared_outer@plt
    known-calls-lazy+[plt]
    @ld-linux
    shared_outer
      shared_inner@plt
      known-library.so+[plt]
      @ld-linux
      shared_inner
",
    )?
    .with("known-calls-lazy, never bound", &[]);
    never_bound.environment.push(("LD_BIND_NOT", "1"));
    // Most of the time goes to the binding.
    never_bound.code = PathBuf::from("/lib64/ld-linux-x86-64.so.2");
    let all = ["known-library.so", "known-calls-lazy", "known-calls-now", "known-calls-marked"];
    let [_, lazy, now, marked] = all.map(bound);
    measure(&[lazy?, now?, marked?, never_bound])
}

fn the_kernel_and_the_vdso() -> Result<(), Skip> {
    measure(&[
        Fixture::new(
            "known-kernel",
            "
main
  calls
    reads
    reads_with_registers
    yields
    faults
      touches
      gives_back
",
        )?,
        Fixture::new(
            "known-clock",
            "
main
  asks
    clock_gettime@plt
    @libc.so
      @[vdso]
",
        )?,
    ])
}

fn exceptions() -> Result<(), Skip> {
    let fixture = Fixture::new(
        "known-throws",
        "
main
  catches
    @libstdc++|libgcc_s|libc.so|ld-linux
    __cxa_begin_catch@plt
    __cxa_end_catch@plt
    throws_on
      @libstdc++|libgcc_s|libc.so|ld-linux
      __cxa_begin_catch@plt
      __cxa_end_catch@plt
      __cxa_rethrow@plt
      _Unwind_Resume@plt
      passes
        @libstdc++|libgcc_s|libc.so|ld-linux
        _Unwind_Resume@plt
        Guard::~Guard()
          destroys
        throws
          @libstdc++|libgcc_s|libc.so|ld-linux
          __cxa_allocate_exception@plt
          __cxa_throw@plt
",
    )?;
    measure(&[Fixture { left_out: lands, ..fixture }])
}

/// Before it jumps to a handler, the C++ runtime lays the handler's registers over those that its own frame saved, its return
/// address among them: from there on its rules no longer lead to its caller.
fn lands(stack: &[Frame]) -> bool {
    let mut inside =
        stack.iter().rev().take_while(|frame| frame.file.starts_with("libgcc_s")).take(2);
    inside.any(|frame| frame.name.starts_with("_Unwind_R"))
}

fn rust() -> Result<(), Skip> {
    measure(&[Fixture::new(
        "known-rust",
        "
known::main
  known::once
    known::small
    known::array
    known::dynamic
      <known::Square as known::Shape>::area
        known::product
    known::closures
      known::apply::<known::closures::{closure#0}>
        known::inside
",
    )?])
}

fn go() -> Result<(), Skip> {
    let calls = "
runtime.goexit
  runtime.main
    main.main
      main.once
        main.frameless
        main.framed
        main.outer
          main.middle
            main.innermost
        main.dynamic
          main.(*square).area
            main.side
      main.switches
        runtime.systemstack
          runtime.systemstack
            main.switched
              main.onOtherStack
  main.worker
    main.goroutineFrame
      main.inGoroutine
";
    let own = |name| Ok(Fixture::new(name, "main")?.by(Oracle::Own(Calls::parse(calls))));
    measure(&[own("known-go")?, own("known-go-stripped")?])
}

fn cgo() -> Result<(), Skip> {
    let calls = "
runtime.goexit
  runtime.main
    main.main
      main.goLoop
        main.goLeaf
      main.callsC
        main._Cfunc_c_outer
          runtime.cgocall
            runtime.asmcgocall
              c_outer
                c_leaf
";
    let _ = lab::need("gcc")?;
    measure(&[Fixture::new("known-cgo", "main")?.by(Oracle::Own(Calls::parse(calls)))])
}

fn assembly() -> Result<(), Skip> {
    measure(&[Fixture::new(
        "known-assembly",
        "
main
  calls_with
    with_rules
      ruled_leaf
      ruled_callee
    with_rules_by_register
      ruled_under_register
  calls_without
    without_rules
      bare_leaf
      bare_pushes
        bare_under_pushes
          called_back
      bare_aligned_in_memory
        bare_under_memory
      bare_aligned_in_register
      bare_aligned_by_base
        bare_under_base
      bare_tail
      bare_jumped_to
      bare_jumped_to_again
",
    )?])
}
