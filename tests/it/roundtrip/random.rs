//! Schemas that nobody thought of: hundreds of objects of many kinds, made from a seed, each resting on earlier ones.
//!
//! PostgreSQL's own regression objects would be such a corpus, but no package has them. What a seed gives is always the
//! same, so that a failure can be looked at again.

mod schema;

use self::schema::Schema;
use super::{assert_round_trip, fill};
use crate::support;

/// A small generator of numbers (splitmix64): what a seed gives must not change with a library's version.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % sides as u64).unwrap()
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.roll(100) < percent
    }
}

async fn random_round_trip(seed: u64) {
    let (site, daemon) = support::start().await;
    let sql = Schema::generate(seed, 250);
    fill(&site, &site.databases.role("migrator"), &sql);
    assert_round_trip(&site, &daemon).await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_random_schema_comes_back() {
    random_round_trip(20_261_122).await;
}

#[tokio::test]
async fn another_random_schema_comes_back() {
    random_round_trip(7).await;
}
