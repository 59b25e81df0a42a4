//! ScheduleService's methods, and the ticker that runs jobs by the clock.

pub mod fire;
pub mod list;
pub mod ticker;
