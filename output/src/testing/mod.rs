//! Small profiles for tests, written as stacks of names.

pub mod random;

use crate::model::builder::ProfileBuilder;
use crate::model::profile::{
    FrameKind, FrameRef, Function, Label, LabelValue, Line, Location, Mapping, MappingId, Marks,
    Profile, Sample, Trust, ValueType,
};

/// A frame of a [`Stack`].
#[derive(Clone, Debug)]
pub struct Frame {
    /// The names of its functions, innermost first. An empty name is none.
    names: Vec<String>,
    kind: FrameKind,
    trust: Trust,
}

impl Frame {
    /// The frame, with its functions inlined into another one.
    pub fn inlined(mut self, into: &str) -> Self {
        self.names.push(into.into());
        self
    }
}

/// A frame with one function.
pub fn frame(name: &str, kind: FrameKind, trust: Trust) -> Frame {
    Frame { names: vec![name.into()], kind, trust }
}

/// A sample to be made.
#[derive(Clone, Debug)]
pub struct Stack {
    /// Its frames, root first.
    pub frames: Vec<Frame>,
    /// The number of samples.
    pub value: i64,
    /// The thread's number, also in its name.
    pub tid: i64,
    /// The marks of a defective stack.
    pub marks: Marks,
}

/// A stack of user functions, root first.
pub fn stack(names: &[&str], value: i64) -> Stack {
    let frames =
        names.iter().map(|name| frame(name, FrameKind::User, Trust::FramePointer)).collect();
    Stack { frames, value, tid: 1, marks: Marks::default() }
}

/// A profile without samples. Its columns are samples and CPU time; a sample stands for 10 ms, and the duration is 1.5 s.
pub fn cpu_time() -> Profile {
    let kind = |kind: &str, unit: &str| ValueType { kind: kind.into(), unit: unit.into() };
    Profile {
        sample_types: vec![kind("samples", "count"), kind("cpu", "nanoseconds")],
        default_sample_type: 1,
        period_type: kind("cpu", "nanoseconds"),
        period: 10_000_000,
        time_nanos: 1_700_000_000_000_000_000,
        duration_nanos: 1_500_000_000,
        ..Profile::default()
    }
}

/// A profile with samples and CPU time, of one process `prog` with pid 7.
pub fn profile(stacks: &[Stack]) -> Profile {
    let mut builder = ProfileBuilder::new(Profile {
        summary: "23 samples, none lost".into(),
        comments: vec!["samples: 23".into(), "lost: 0".into()],
        program: Some("/usr/bin/prog".into()),
        ..cpu_time()
    });
    for stack in stacks {
        let frames =
            stack.frames.iter().rev().map(|frame| reference(&mut builder, frame)).collect();
        let number =
            |key: &str, n| Label { key: key.into(), value: LabelValue::Number(n, String::new()) };
        let text =
            |key: &str, t: &str| Label { key: key.into(), value: LabelValue::Text(t.into()) };
        let labels = vec![
            text("comm", "prog"),
            number("pid", 7),
            text("thread", &format!("worker-{}", stack.tid)),
            number("tid", stack.tid),
        ];
        let values = vec![stack.value, stack.value.saturating_mul(10_000_000)];
        builder.sample(Sample { frames, values, labels, marks: stack.marks });
    }
    builder.finish()
}

fn reference(builder: &mut ProfileBuilder, frame: &Frame) -> FrameRef {
    let hash = frame
        .names
        .concat()
        .bytes()
        .fold(0u64, |hash, byte| hash * 31 % 0xf_ffff + u64::from(byte));
    let mut lines = Vec::new();
    for name in frame.names.iter().filter(|name| !name.is_empty()) {
        let has_source = matches!(frame.kind, FrameKind::User | FrameKind::Interpreted);
        let file = if has_source { "src/prog.c".into() } else { String::new() };
        let (name, system_name) = (name.clone(), name.clone());
        let start_line = if frame.kind == FrameKind::Interpreted { 7 } else { 0 };
        let function = builder.function(Function { name, system_name, file, start_line });
        lines.push(Line { function, line: if has_source { 10 } else { 0 } });
    }
    let (mapping, address) = match frame.kind {
        FrameKind::Interpreted => {
            return FrameRef { location: builder.interpreted(lines), trust: frame.trust };
        }
        FrameKind::User => (Some(user_mapping(builder)), 0x1000 + hash),
        FrameKind::Kernel => (Some(kernel_mapping(builder)), 0xffff_ffff_8100_0000 + hash),
        FrameKind::Jit | FrameKind::Unknown => (None, 0x7f00_0000_0000 + hash),
    };
    let location = builder.location(Location { mapping, address, lines, kind: frame.kind });
    FrameRef { location, trust: frame.trust }
}

fn user_mapping(builder: &mut ProfileBuilder) -> MappingId {
    builder.mapping(Mapping {
        start: 0x1000,
        end: 0x20_0000,
        offset: 0x1000,
        file: "/usr/bin/prog".into(),
        build_id: "c0ffee".into(),
    })
}

fn kernel_mapping(builder: &mut ProfileBuilder) -> MappingId {
    let (start, end) = (0xffff_ffff_8100_0000, 0xffff_ffff_8200_0000);
    builder.mapping(Mapping {
        start,
        end,
        offset: 0,
        file: "[kernel]".into(),
        build_id: String::new(),
    })
}

/// A bit of everything: two threads, recursion, inlined, kernel, JIT, guessed, unknown and truncated frames.
/// 23 samples.
pub fn small() -> Profile {
    let mut inlined = stack(&["_start", "main", "work"], 5);
    inlined.frames.push(frame("inner", FrameKind::User, Trust::Sure).inlined("outer"));
    let mut kernel = stack(&["_start", "main", "read"], 2);
    kernel.frames.push(frame("entry_SYSCALL_64", FrameKind::Kernel, Trust::Sure));
    kernel.frames.push(frame("vfs_read", FrameKind::Kernel, Trust::Sure));
    let mut guessed = stack(&["_start", "main"], 1);
    guessed.frames.push(frame("asm_loop", FrameKind::User, Trust::Guessed));
    guessed.frames.push(frame("leaf", FrameKind::User, Trust::Sure));
    let mut jit = stack(&["_start", "main"], 1);
    jit.frames.push(frame("JS:~tick", FrameKind::Jit, Trust::FramePointer));
    jit.frames.push(frame("", FrameKind::Unknown, Trust::FramePointer));
    jit.tid = 2;
    jit.marks.approximate_lines = 1;
    let mut cut = stack(&["fib<u64; 3>", "fib<u64; 3>", "fib<u64; 3>"], 1);
    cut.marks.truncated = true;
    let mut doubtful = stack(&["_start", "main", "strlen"], 1);
    doubtful.marks.caller_may_be_missing = true;
    let mut other = stack(&["_start", "main", "work"], 4);
    other.tid = 2;
    profile(&[
        stack(&["_start", "main", "work"], 8),
        other,
        inlined,
        kernel,
        guessed,
        jit,
        cut,
        doubtful,
    ])
}
