//! What `make soak` asks for.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The database that a round runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    /// Programs that run at the same time.
    pub const fn nodes(self) -> usize {
        match self {
            Self::Sqlite => 1,
            Self::Postgres => 2,
        }
    }
}

/// The order, from the environment: `SOAK_SECONDS`, `SOAK_ENGINE`, `SOAK_SEED`.
pub struct Order {
    /// How long each engine's storm lasts.
    pub seconds: Duration,
    pub engines: Vec<Engine>,
    pub seed: u64,
}

impl Order {
    /// None when nobody asks for a soak.
    pub fn from_environment() -> Option<Self> {
        let named = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
        let total: u64 = named("SOAK_SECONDS")?.parse().expect("SECONDS is a number");
        let engines = match named("SOAK_ENGINE").as_deref() {
            Some("sqlite") => vec![Engine::Sqlite],
            Some("postgres") => vec![Engine::Postgres],
            None | Some("both") => vec![Engine::Sqlite, Engine::Postgres],
            Some(other) => panic!("ENGINE is sqlite, postgres or both, not {other}"),
        };
        let seed = named("SOAK_SEED").map_or_else(by_the_clock, |v| v.parse().expect("SEED is a number"));
        Some(Self { seconds: Duration::from_secs(total) / u32::try_from(engines.len()).unwrap(), engines, seed })
    }
}

fn by_the_clock() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}
