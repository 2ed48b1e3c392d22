//! The marks at which a server sheds load.

use super::AdmissionConfig;

/// From which readings on the server sheds load. `None` is never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    /// The most memory of this process.
    pub(crate) memory_bytes_max: Option<u64>,
    /// The longest time of each second in which this process may stand still.
    pub(crate) stall_ms_max: Option<u64>,
    /// The fewest descriptors that may be free.
    pub(crate) free_descriptors_min: Option<u64>,
}

impl Marks {
    pub(super) fn new(config: &AdmissionConfig) -> Self {
        let mark = |value: u32| (value > 0).then_some(u64::from(value));
        Self {
            memory_bytes_max: mark(config.memory_mib_max).map(|mib| mib * BYTES_IN_MIB),
            stall_ms_max: mark(config.stall_ms_max),
            free_descriptors_min: mark(config.free_descriptors_min),
        }
    }
}

const BYTES_IN_MIB: u64 = 1_048_576;
