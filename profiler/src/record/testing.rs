//! Small samples, stacks and names for tests.

use bpf::{
    AddressSpace, Comm, Flags, Frame, FrameKind, Sample, SideBand, SideBandKind, Stack, StackId,
    Trust,
};
use symbolizer::{Line, Named, Place, ProcessTable, Reason, Symbolize};

/// The process of [`sample`].
pub(crate) const SPACE: AddressSpace = AddressSpace { pid: 7, start: 1_000, exec: 3 };
/// The name of that process.
pub(crate) const COMM: &[u8] = b"program";

/// A sample of weight 10; stack 0 means none.
pub(crate) fn sample(time: u64, user: u64, kernel: u64) -> Sample {
    Sample {
        time,
        cpu: 0,
        event: 0,
        space: SPACE,
        tid: SPACE.pid,
        weight: 10,
        words: [0; 2],
        kernel: StackId(kernel),
        user: StackId(user),
        comm: Comm::from_bytes(COMM),
        cgroup: 0,
        flags: Flags::FRAME_POINTERS,
    }
}

/// A stack found by frame pointers, leaf first.
pub(crate) fn stack(id: u64, addresses: &[u64]) -> Stack {
    let frame = |(at, address): (usize, &u64)| match at {
        0 => Frame { address: *address, kind: FrameKind::Instruction, trust: Trust::Context },
        _ => Frame { address: *address, kind: FrameKind::Return, trust: Trust::FramePointer },
    };
    Stack {
        id: StackId(id),
        frames: addresses.iter().enumerate().map(frame).collect(),
        checks: Vec::new(),
    }
}

/// A file mapped by the process of [`sample`], a page long; its inode is its first address.
pub(crate) fn mmap(time: u64, start: u64, inode: u64) -> SideBand {
    let kind = SideBandKind::Mmap {
        start,
        len: 0x1000,
        offset: 0,
        device: (0, 1),
        inode,
        path: format!("/no/such/file-{inode:x}").into_bytes(),
    };
    SideBand { time, pid: SPACE.pid, tid: SPACE.pid, kind }
}

/// Names every place by its address, as in `f1010`. A place with an odd address has no name.
#[derive(Debug)]
pub(crate) struct ByAddress;

impl Symbolize for ByAddress {
    fn names(&mut self, _table: &ProcessTable, places: &[Place]) -> Vec<Named> {
        let named = |place: &Place| {
            let address = match *place {
                Place::File { address, .. }
                | Place::Jit { address, .. }
                | Place::Kernel { address }
                | Place::Unknown { address, .. } => address,
                Place::Interpreted { object, .. } => object,
                Place::Vdso { offset } => offset,
            };
            let name = format!("f{address:x}");
            let line = Line {
                system_name: name.as_str().into(),
                name: name.into(),
                file: "".into(),
                ..Line::default()
            };
            match address % 2 {
                0 => Named { lines: vec![line], module: String::new(), reason: None },
                _ => Named {
                    lines: Vec::new(),
                    module: String::new(),
                    reason: Some(Reason::NoSymbol),
                },
            }
        };
        places.iter().map(named).collect()
    }
}
