//! User files without names.

use super::{Named, Symbolize, Usage, Warning};
use crate::runtime::Remains;
use crate::{Place, ProcessTable, Reason, Runtime};

/// Leaves addresses in files unnamed, for tools that name them elsewhere. Code of the kernel, the vDSO, BPF programs,
/// JIT compilers and interpreters can only be named here and now. `local` names it, if there is one.
#[derive(Debug, Default)]
pub struct RawAddresses<S> {
    local: Option<S>,
}

impl<S> RawAddresses<S> {
    /// Takes the symbolizer for addresses outside of files; `None` names nothing at all.
    pub fn new(local: Option<S>) -> Self {
        Self { local }
    }
}

impl<S: Symbolize> Symbolize for RawAddresses<S> {
    fn names(&mut self, table: &ProcessTable, places: &[Place]) -> Vec<Named> {
        let unnamed = |place: &Place| {
            let reason = match *place {
                Place::Unknown { reason, .. } => reason,
                _ => Reason::NotAsked,
            };
            Named::nameless(module(place), reason)
        };
        let mut names: Vec<Named> = places.iter().map(unnamed).collect();
        let Some(local) = &mut self.local else { return names };
        let here = |place: &Place| !matches!(place, Place::File { .. } | Place::Unknown { .. });
        let (indices, asked): (Vec<usize>, Vec<Place>) =
            places.iter().enumerate().filter(|(_, place)| here(place)).unzip();
        for (index, named) in indices.into_iter().zip(local.names(table, &asked)) {
            names[index] = named;
        }
        names
    }

    fn begin_cut(&mut self) {
        self.local.iter_mut().for_each(Symbolize::begin_cut);
    }

    fn name_early(
        &mut self,
        table: &ProcessTable,
        places: &[Place],
        remains: Vec<(Place, Remains)>,
    ) -> bool {
        self.local.as_mut().is_some_and(|local| local.name_early(table, places, remains))
    }

    fn usage(&self) -> Usage {
        self.local.as_ref().map(Symbolize::usage).unwrap_or_default()
    }

    fn warnings(&self) -> Vec<Warning> {
        self.local.as_ref().map(Symbolize::warnings).unwrap_or_default()
    }
}

fn module(place: &Place) -> &'static str {
    match place {
        Place::Kernel { .. } => "[kernel]",
        Place::Vdso { .. } => "[vdso]",
        Place::Jit { .. } => "[jit]",
        Place::Interpreted { runtime, .. } => {
            Runtime::of_number(*runtime).map_or("[interpreted]", Runtime::module)
        }
        Place::File { .. } | Place::Unknown { .. } => "",
    }
}
