//! Decides from readings whether the server is ready and lets connections in.

use crate::config::Marks;

/// The readings of one moment; `None` is not known.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Readings {
    pub(super) memory_bytes: Option<u64>,
    pub(super) stall_ms: u64,
    pub(super) free_descriptors: Option<u64>,
}

/// The consequence for clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Level {
    /// It is ready, and lets connections in.
    #[default]
    Calm,
    /// It is not ready, and lets connections in.
    Strained,
    /// It is not ready, and refuses connections.
    Shedding,
}

/// The level, and the readings in a row that would change it.
#[derive(Debug, Default)]
pub(super) struct Pressure {
    level: Level,
    over_in_a_row: u32,
    calm_in_a_row: u32,
    shortage: &'static str,
}

impl Pressure {
    /// Takes the readings of the next moment.
    pub(super) fn note(&mut self, readings: &Readings, marks: Marks) -> Level {
        match shortage(readings, marks) {
            Some(shortage) => {
                self.shortage = shortage;
                self.over_in_a_row += 1;
                self.calm_in_a_row = 0;
            }
            None if is_calm(readings, marks) => {
                self.over_in_a_row = 0;
                self.calm_in_a_row += 1;
            }
            // Between the marks, the level stays.
            None => (self.over_in_a_row, self.calm_in_a_row) = (0, 0),
        }
        if self.over_in_a_row >= SHED_AFTER {
            self.level = Level::Shedding;
        } else if self.over_in_a_row > 0 && self.level == Level::Calm {
            self.level = Level::Strained;
        } else if self.calm_in_a_row >= CALM_AFTER {
            self.level = Level::Calm;
        }
        self.level
    }

    pub(super) fn level(&self) -> Level {
        self.level
    }

    /// The resource that was short last.
    pub(super) fn shortage(&self) -> &'static str {
        self.shortage
    }
}

fn shortage(readings: &Readings, marks: Marks) -> Option<&'static str> {
    let is_over = |value: Option<u64>, max: Option<u64>| matches!((value, max), (Some(value), Some(max)) if value > max);
    if is_over(readings.memory_bytes, marks.memory_bytes_max) {
        Some("memory")
    } else if is_over(Some(readings.stall_ms), marks.stall_ms_max) {
        Some("time")
    } else if is_over(marks.free_descriptors_min, readings.free_descriptors) {
        Some("descriptors")
    } else {
        None
    }
}

/// Whether every reading is clearly on the good side of its mark.
fn is_calm(readings: &Readings, marks: Marks) -> bool {
    let strict = Marks {
        memory_bytes_max: marks.memory_bytes_max.map(|max| max - max / 10),
        stall_ms_max: marks.stall_ms_max.map(|max| max / 2),
        free_descriptors_min: marks.free_descriptors_min.map(|min| min + min / 4),
    };
    shortage(readings, strict).is_none()
}

/// After this many readings in a row over a mark, the server sheds load.
const SHED_AFTER: u32 = 3;
/// After this many calm readings in a row, the server no longer sheds load.
const CALM_AFTER: u32 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    const MARKS: Marks = Marks {
        memory_bytes_max: Some(1_000),
        stall_ms_max: Some(500),
        free_descriptors_min: Some(64),
    };
    const CALM: Readings = Readings {
        memory_bytes: Some(900),
        stall_ms: 250,
        free_descriptors: Some(80),
    };

    fn noted(pressure: &mut Pressure, readings: Readings, times: usize) -> Vec<Level> {
        (0..times)
            .map(|_| pressure.note(&readings, MARKS))
            .collect()
    }

    #[test]
    fn readiness_goes_at_once_connections_are_refused_later_and_both_come_back_later_still() {
        for (short, name) in [
            (
                Readings {
                    memory_bytes: Some(1_001),
                    ..CALM
                },
                "memory",
            ),
            (
                Readings {
                    stall_ms: 501,
                    ..CALM
                },
                "time",
            ),
            (
                Readings {
                    free_descriptors: Some(63),
                    ..CALM
                },
                "descriptors",
            ),
        ] {
            let mut pressure = Pressure::default();
            assert_eq!(noted(&mut pressure, CALM, 1), [Level::Calm]);
            let expected = [Level::Strained, Level::Strained, Level::Shedding];
            assert_eq!(noted(&mut pressure, short, 3), expected, "{name}");
            assert_eq!(pressure.shortage(), name);
            assert_eq!(
                noted(&mut pressure, CALM, 7),
                [Level::Shedding; 7],
                "{name}"
            );
            assert_eq!(noted(&mut pressure, CALM, 1), [Level::Calm], "{name}");
        }
    }

    #[test]
    fn readings_between_the_marks_change_nothing() {
        for between in [
            Readings {
                memory_bytes: Some(901),
                ..CALM
            },
            Readings {
                stall_ms: 251,
                ..CALM
            },
            Readings {
                free_descriptors: Some(79),
                ..CALM
            },
        ] {
            let mut pressure = Pressure::default();
            assert_eq!(noted(&mut pressure, between, 20), [Level::Calm; 20]);
            let short = Readings {
                memory_bytes: Some(u64::MAX),
                ..CALM
            };
            noted(&mut pressure, short, 3);
            assert_eq!(noted(&mut pressure, between, 20), [Level::Shedding; 20]);
        }
    }

    #[test]
    fn one_bad_reading_refuses_nobody() {
        let mut pressure = Pressure::default();
        let stopped = Readings {
            stall_ms: 1_000,
            ..CALM
        };
        for _ in 0..5 {
            assert_eq!(noted(&mut pressure, stopped, 1), [Level::Strained]);
            noted(&mut pressure, CALM, 8);
            assert_eq!(pressure.level(), Level::Calm);
        }
    }

    #[test]
    fn a_mark_that_is_off_and_a_reading_that_is_not_known_shed_nothing() {
        let mut pressure = Pressure::default();
        let worst = Readings {
            memory_bytes: Some(u64::MAX),
            stall_ms: 1_000,
            free_descriptors: Some(0),
        };
        assert_eq!(pressure.note(&worst, Marks::default()), Level::Calm);
        let unknown = Readings {
            memory_bytes: None,
            free_descriptors: None,
            ..CALM
        };
        assert_eq!(noted(&mut pressure, unknown, 9), [Level::Calm; 9]);
    }
}
