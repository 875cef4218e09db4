//! Who gets which phone when calls outnumber phones: the candidates.

use super::surge_world::Ms;

/// A ring of so long is never taken back. Source: DESIGN.md section 3.
const KEPT_AFTER_MS: Ms = 6_000;

/// A way of sharing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Policy {
    /// Whoever came first is offered every free phone.
    FirstCome,
    /// Nobody is offered more than an even share of the phones that are free or ring; nothing is taken back.
    EvenSplit,
    /// As the even split; and whoever holds more gives rings that are young enough to whoever holds less.
    GiveBack,
}

impl Policy {
    pub(super) const ALL: [Self; 3] = [Self::FirstCome, Self::EvenSplit, Self::GiveBack];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::FirstCome => "first_come",
            Self::EvenSplit => "even_split",
            Self::GiveBack => "give_back",
        }
    }
}

/// How a phone stands that a waiting call holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It rings, or is about to.
    Rings { for_ms: Ms },
    /// Picked up.
    Answered,
}

/// The phones of one waiting call.
#[derive(Debug, Clone, Default)]
pub(super) struct Holding {
    pub(super) phones: Vec<(usize, Standing)>,
}

/// What is to be done.
#[derive(Debug, Clone, Default)]
pub(super) struct Moves {
    /// Phone and call.
    pub(super) offered: Vec<(usize, usize)>,
    pub(super) taken_back: Vec<usize>,
}

/// Shares the free phones among the waiting calls, longest waiting first.
pub(super) fn share(
    policy: Policy,
    holdings: &[Holding],
    free: &[usize],
    may_ask: impl Fn(usize, usize) -> bool,
) -> Moves {
    let mut moves = Moves::default();
    if holdings.is_empty() {
        return moves;
    }
    let held: usize = holdings.iter().map(|holding| holding.phones.len()).sum();
    let phones = held + free.len();
    let (even, left_over) = (phones / holdings.len(), phones % holdings.len());
    let mut free: Vec<usize> = free.to_vec();
    let mut counts: Vec<usize> = holdings.iter().map(|holding| holding.phones.len()).collect();
    for call in 0..counts.len() {
        let others = counts.iter().enumerate().filter(|(other, _)| *other != call);
        let have_more = others.filter(|(_, count)| **count > even).count();
        let share = even + usize::from(have_more < left_over);
        let most = if policy == Policy::FirstCome { usize::MAX } else { share };
        let Some(count) = counts.get_mut(call) else { continue };
        free.retain(|agent| {
            let gets = *count < most && may_ask(*agent, call);
            if gets {
                moves.offered.push((*agent, call));
                *count += 1;
            }
            !gets
        });
    }
    if policy == Policy::GiveBack {
        give_back(holdings, &mut counts, &mut moves);
    }
    moves
}

/// While one call holds at least two more than another, it gives up the youngest ring; the poorer one is offered the
/// phone when it is free.
fn give_back(holdings: &[Holding], counts: &mut [usize], moves: &mut Moves) {
    loop {
        let poorest = counts.iter().copied().min().unwrap_or(0);
        let mut given = None;
        for (call, holding) in holdings.iter().enumerate() {
            let count = counts.get(call).copied().unwrap_or(0);
            if count < poorest + 2 {
                continue;
            }
            let young = holding.phones.iter().filter_map(|(agent, standing)| match standing {
                Standing::Rings { for_ms } if *for_ms <= KEPT_AFTER_MS && !moves.taken_back.contains(agent) => {
                    Some((*for_ms, *agent))
                }
                Standing::Rings { .. } | Standing::Answered => None,
            });
            if let Some((_, agent)) = young.min() {
                given = Some((call, agent));
                break;
            }
        }
        let Some((call, agent)) = given else { return };
        moves.taken_back.push(agent);
        if let Some(count) = counts.get_mut(call) {
            *count -= 1;
        }
        // It goes to whoever holds least.
        if let Some(count) = counts.iter_mut().min() {
            *count += 1;
        }
    }
}
