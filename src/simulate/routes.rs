//! The ways between the places a player knows.

use super::duel::{HULL, mean};
use super::fit::Fit;
use super::observation::Observation;
use super::odds::Odds;

/// Somewhere to go.
#[derive(Clone, Debug)]
pub struct Stop {
    /// The place; none for the unknown place a jump leads to.
    pub node: Option<usize>,
    pub region: usize,
    pub dock: bool,
    pub repair: bool,
    /// Which market, where prices are known.
    pub market: Option<usize>,
    pub danger: f64,
    pub seek: f64,
}

/// The first step of a way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Go(usize),
    Jump(usize),
}

/// A way between two stops.
#[derive(Clone, Copy, Debug)]
pub struct Leg {
    pub turns: f64,
    /// Burnt in all.
    pub fuel: f64,
    /// Burnt before the first dock on the way, or the end.
    pub first: f64,
    /// The most burnt between docks after that.
    pub peak: f64,
    /// Burnt after the last dock on the way.
    pub tail: f64,
    /// The danger of the places on the way, summed.
    pub peril: f64,
    pub step: Step,
}

/// A single move or jump.
#[derive(Clone, Copy, Debug)]
struct Edge {
    to: usize,
    fuel: f64,
    /// Credits that what may happen costs.
    risk: f64,
    danger: f64,
    step: Step,
}

/// The shortest ways between all stops.
#[derive(Debug)]
pub struct Routes {
    stops: usize,
    legs: Vec<Option<Leg>>,
    /// By stop: the fuel to the next dock; none from a dock.
    pub escape: Vec<f64>,
}

impl Routes {
    /// The way between two stops, if one is known.
    pub fn leg(&self, from: usize, to: usize) -> Option<&Leg> {
        self.legs[from * self.stops + to].as_ref()
    }
}

/// The shortest ways, by turns, fuel and danger, between all stops (Dijkstra from each). `fights` are by region, `seeks` says whether
/// they are welcome, and `rate` is what a turn is worth.
pub fn routes(obs: &Observation<'_>, fit: &Fit, stops: &[Stop], fights: &[Odds], seeks: bool, rate: f64) -> Routes {
    let content = obs.content();
    let balance = &content.balance;
    let count = stops.len();
    let move_fuel = fit.stats.move_fuel(content) as f64;
    let hazard = obs.rules().hazard * mean(balance.travel.hazard_damage) * HULL;
    let risk = |stop: &Stop| {
        let (fight, _) = fights[stop.region].with(0.9);
        stop.danger * (hazard - balance.travel.encounter * fight.min(if seeks { 60.0 } else { 10.0 }))
    };
    let mut edges: Vec<Vec<Edge>> = vec![Vec::new(); count];
    let of_node = |node: usize| stops.iter().position(|stop| stop.node == Some(node));
    for (from, stop) in stops.iter().enumerate() {
        let Some(node) = stop.node else { continue };
        for to in obs.routes(node).filter_map(of_node) {
            let Some(target) = stops[to].node else { continue };
            let stop = &stops[to];
            edges[from].push(Edge {
                to,
                fuel: move_fuel,
                risk: risk(stop),
                danger: stop.danger,
                step: Step::Go(target),
            });
        }
        let fuel = obs.jump_fuel(&fit.stats, node) as f64;
        for region in obs.jumps(stop.region) {
            let landing = obs.landing(region);
            let to = stops.iter().position(|stop| stop.region == region && stop.node == landing);
            if let Some(to) = to {
                edges[from].push(Edge { to, fuel, risk: 0.0, danger: 0.0, step: Step::Jump(region) });
            }
        }
    }
    let mut legs = vec![None; count * count];
    for from in 0..count {
        let mut cost = vec![f64::MAX; count];
        let mut done = vec![false; count];
        let row = &mut legs[from * count..(from + 1) * count];
        cost[from] = 0.0;
        while let Some(at) =
            (0..count).filter(|at| !done[*at] && cost[*at] < f64::MAX).min_by(|a, b| cost[*a].total_cmp(&cost[*b]))
        {
            done[at] = true;
            let so_far: Option<Leg> = row[at];
            for Edge { to, fuel, risk, danger, step } in &edges[at] {
                let price = cost[at] + rate.max(20.0) + fuel + risk.max(-15.0);
                if price < cost[*to] {
                    cost[*to] = price;
                    let dock = at != from && stops[at].dock;
                    let old = so_far.unwrap_or(Leg {
                        turns: 0.0,
                        fuel: 0.0,
                        first: 0.0,
                        peak: 0.0,
                        tail: 0.0,
                        peril: 0.0,
                        step: *step,
                    });
                    let through = dock || old.tail < old.fuel;
                    let tail = if dock { *fuel } else { old.tail + fuel };
                    row[*to] = Some(Leg {
                        turns: old.turns + 1.0,
                        fuel: old.fuel + fuel,
                        first: if through { old.first } else { old.first + fuel },
                        peak: if through { old.peak.max(tail) } else { 0.0 },
                        tail,
                        peril: old.peril + danger,
                        step: old.step,
                    });
                }
            }
        }
        row[from] = None;
    }
    // Whoever goes where there is no dock must be able to leave again.
    let mut escape: Vec<f64> = (0..count)
        .map(|from| {
            let docks = (0..count).filter(|to| stops[*to].dock);
            let ways = docks.filter_map(|to| legs[from * count + to]).map(|leg: Leg| leg.first);
            ways.min_by(f64::total_cmp).unwrap_or(f64::MAX)
        })
        .collect();
    // From an unknown place there is a jump back to where others are, and on from there.
    let jump = fit.stats.usual_jump_fuel(content) as f64;
    for (at, stop) in stops.iter().enumerate().filter(|(_, stop)| stop.node.is_none()) {
        let back = obs.jumps(stop.region).filter_map(|region| {
            let landing = obs.landing(region)?;
            let to = of_node(landing)?;
            Some(jump + if stops[to].dock { 0.0 } else { escape[to] })
        });
        escape[at] = back.min_by(f64::total_cmp).unwrap_or(f64::MAX);
    }
    for from in 0..count {
        for (to, escape) in escape.iter().enumerate() {
            if let Some(leg) = &mut legs[from * count + to]
                && !stops[to].dock
            {
                if leg.tail < leg.fuel {
                    leg.peak = leg.peak.max(leg.tail + escape);
                } else {
                    leg.first += escape;
                }
            }
        }
    }
    for (escape, stop) in escape.iter_mut().zip(stops) {
        if stop.dock {
            *escape = 0.0;
        }
    }
    Routes { legs, escape, stops: count }
}
