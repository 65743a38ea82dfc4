//! The star map: regions on a ring, places joined inside each, and how it is drawn from a seed.
//!
//! The map never changes after its creation; what a game changes about its places is in [`super::state::Place`]. Angles and
//! roots come from `libm`, not the platform, so one seed gives one map on every machine.

use super::content::{Category, Content, Item, NodeKind, RegionKind};
use super::rng::{Dice, Draws, Stream};
use super::table::Ix;

/// Regions and places, with the routes between them.
#[derive(Clone, Debug, PartialEq)]
pub struct StarMap {
    /// In ring order.
    pub regions: Vec<Region>,
    /// Region by region.
    pub nodes: Vec<Node>,
}

/// A part of the map.
#[derive(Clone, Debug, PartialEq)]
pub struct Region {
    /// Its kind.
    pub kind: Ix<RegionKind>,
    /// Its name, unique in the map.
    pub name: String,
    /// Map units.
    pub position: [f64; 2],
    /// Regions a jump leads to, in ascending order.
    pub connections: Vec<usize>,
    /// Its places, a range of [`StarMap::nodes`].
    pub nodes: std::ops::Range<usize>,
}

/// A place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Index of its region.
    pub region: usize,
    /// Its kind.
    pub kind: Ix<NodeKind>,
    /// Its name, unique in its region.
    pub name: String,
    /// Map units.
    pub position: [f64; 2],
    /// Places one move away, in ascending order.
    pub connections: Vec<usize>,
    /// Whether ships are repaired and sold here.
    pub repair: bool,
    /// Whether goods are traded here.
    pub trade: bool,
    /// 0 to 1.
    pub danger: f64,
    /// Ore it began with.
    pub ore: i64,
    /// Salvage attempts it began with.
    pub salvage: i64,
    /// Foes it can hold.
    pub foes: i64,
    /// What a trade dock deals in.
    pub market: Vec<Listing>,
}

impl Node {
    /// Whether there is a dock of either sort.
    pub fn dock(&self) -> bool {
        self.repair || self.trade
    }
}

/// An item at a trade dock.
#[derive(Clone, Debug, PartialEq)]
pub struct Listing {
    /// The item.
    pub item: Ix<super::content::Item>,
    /// The place's taste, in thousandths of the base price.
    pub taste: i32,
    /// Units it keeps when left alone.
    pub stock: i32,
}

impl StarMap {
    /// A map drawn from the dice.
    pub fn generate(content: &Content, dice: &mut Dice) -> Self {
        let mut map = Self { regions: Vec::new(), nodes: Vec::new() };
        {
            let mut draws = dice.stream(Stream::Map);
            map.place_regions(content, &mut draws);
            for region in 0..map.regions.len() {
                map.fill_region(content, region, &mut draws);
            }
        }
        let mut draws = dice.stream(Stream::Market);
        for node in map.nodes.iter_mut().filter(|node| node.trade) {
            let wealth = content.regions[map.regions[node.region].kind].wealth;
            node.market = open_market(content, wealth, node.danger, &mut draws);
        }
        map.shrink();
        map
    }

    /// Gives back the room that its lists do not need: it is kept as long as the game, and never grows.
    pub fn shrink(&mut self) {
        for region in &mut self.regions {
            region.name.shrink_to_fit();
            region.connections.shrink_to_fit();
        }
        for node in &mut self.nodes {
            node.name.shrink_to_fit();
            node.connections.shrink_to_fit();
            node.market.shrink_to_fit();
        }
        self.regions.shrink_to_fit();
        self.nodes.shrink_to_fit();
    }

    /// Where a game begins: the first place of the starting kind in a region of the starting kind.
    pub fn start(&self, content: &Content) -> usize {
        let start = &content.balance.start;
        let fits = |node: &Node| node.kind == start.node.ix() && self.regions[node.region].kind == start.region.ix();
        // `fill_region` gives every region each of its kinds of place, and `place_regions` draws the starting region.
        self.nodes.iter().position(fits).unwrap_or_default()
    }

    /// Jumps between two regions.
    pub fn jumps(&self, from: usize, to: usize) -> usize {
        let mut reached = vec![from];
        for jumps in 0..self.regions.len() {
            if reached.contains(&to) {
                return jumps;
            }
            let next: Vec<_> = reached.iter().flat_map(|at| self.regions[*at].connections.iter().copied()).collect();
            reached.extend(next);
            reached.sort_unstable();
            reached.dedup();
        }
        // Every region can be reached from every other.
        self.regions.len()
    }

    /// The id of a region.
    pub fn region_id(region: usize) -> String {
        format!("REG_{region:03}")
    }

    /// The id of a place.
    pub fn node_id(&self, node: usize) -> String {
        let region = self.nodes[node].region;
        format!("NODE_REG_{region:03}_{:03}", node - self.regions[region].nodes.start)
    }

    /// The region of an id.
    pub fn find_region(&self, id: &str) -> Option<usize> {
        (0..self.regions.len()).find(|region| Self::region_id(*region) == id)
    }

    /// The place of an id.
    pub fn find_node(&self, id: &str) -> Option<usize> {
        let (region, _) = id.strip_prefix("NODE_")?.rsplit_once('_')?;
        let region = self.find_region(region)?;
        self.regions[region].nodes.clone().find(|node| self.node_id(*node) == id)
    }

    /// Map units between two places.
    pub fn distance(&self, from: usize, to: usize) -> f64 {
        distance(self.nodes[from].position, self.nodes[to].position)
    }

    fn place_regions(&mut self, content: &Content, draws: &mut Draws<'_>) {
        let shape = &content.balance.map;
        let start = content.balance.start.region.ix();
        // The starting kind, then the others in a random order, over and over until the ring is full.
        let mut others: Vec<_> = content.regions.indices().filter(|kind| *kind != start).collect();
        draws.shuffle(&mut others);
        let kinds: Vec<_> = std::iter::once(start).chain(others).collect();
        let mut order: Vec<_> = kinds.iter().copied().cycle().take(shape.regions).collect();
        draws.shuffle(&mut order);

        let names: Vec<_> =
            kinds.iter().map(|kind| shuffled(&content.names.regions, content.regions.id(*kind), draws)).collect();
        let mut used = vec![0; kinds.len()];
        let step = std::f64::consts::TAU / shape.regions as f64;
        for (at, kind) in order.iter().enumerate() {
            let which = kinds.iter().position(|each| each == kind).unwrap_or_default();
            let angle = step * (at as f64 + 0.3 * (draws.share() - 0.5));
            let radius = shape.radius * (0.9 + 0.2 * draws.share());
            self.regions.push(Region {
                kind: *kind,
                name: names[which].get(used[which]).cloned().unwrap_or_default(),
                position: [round(radius * libm::cos(angle)), round(radius * libm::sin(angle))],
                connections: Vec::new(),
                nodes: 0..0,
            });
            used[which] += 1;
        }
        let count = self.regions.len();
        let ring = (0..count).map(|at| (at, (at + 1) % count));
        let extras: Vec<_> = (0..shape.region_extras)
            .map(|_| (draws.below(count as u64) as usize, draws.below(count as u64) as usize))
            .collect();
        for (a, b) in ring.chain(extras) {
            join(&mut self.regions, a, b, |region| &mut region.connections);
        }
    }

    fn fill_region(&mut self, content: &Content, at: usize, draws: &mut Draws<'_>) {
        let shape = &content.balance.map;
        let region = self.regions[at].clone();
        let kind = &content.regions[region.kind];
        let first = self.nodes.len();
        let count = draws.within(shape.nodes) as usize;
        let mut kinds: Vec<_> = kind.node_types.iter().map(|each| each.ix()).collect();
        kinds.sort();
        kinds.dedup();
        // The starting kind of place comes first, as the game's first page should read.
        kinds.sort_by_key(|each| *each != content.balance.start.node.ix());
        while kinds.len() < count {
            kinds.extend(draws.pick(&kind.node_types).map(|each| each.ix()));
        }
        let names = shuffled(&content.names.firsts, content.regions.id(region.kind), draws);
        for (which, place) in kinds.into_iter().take(count).enumerate() {
            self.nodes.push(draw_node(content, &region, at, place, which, count, &names, draws));
        }
        self.regions[at].nodes = first..self.nodes.len();
        self.ensure_dock(content, at, draws);
        self.join_nodes(first, shape.nodes_per_extra, draws);
    }

    /// A region without a dock strands people: its likeliest place gets one, and the start is always a full port.
    fn ensure_dock(&mut self, content: &Content, at: usize, draws: &mut Draws<'_>) {
        let kind = self.regions[at].kind;
        let range = self.regions[at].nodes.clone();
        if !self.nodes[range.clone()].iter().any(Node::dock) {
            let repair = draws.chance(content.regions[kind].repair_availability);
            let likely =
                |a: &&mut Node, b: &&mut Node| content.nodes[a.kind].trade.total_cmp(&content.nodes[b.kind].trade);
            if let Some(node) = self.nodes[range.clone()].iter_mut().max_by(likely) {
                node.trade = true;
                node.repair = repair;
            }
        }
        if kind == content.balance.start.region.ix() {
            for node in self.nodes[range].iter_mut().filter(|node| node.kind == content.balance.start.node.ix()) {
                node.repair = true;
                node.trade = true;
            }
        }
    }

    /// A minimum spanning tree (Prim), then a few more routes.
    fn join_nodes(&mut self, first: usize, per_extra: usize, draws: &mut Draws<'_>) {
        let last = self.nodes.len();
        let mut joined = vec![first];
        while joined.len() < last - first {
            let mut best: Option<(f64, usize, usize)> = None;
            for from in joined.iter().copied() {
                for to in (first..last).filter(|to| !joined.contains(to)) {
                    let length = self.distance(from, to);
                    if best.is_none_or(|(shortest, ..)| length < shortest) {
                        best = Some((length, from, to));
                    }
                }
            }
            let Some((_, from, to)) = best else { break };
            join(&mut self.nodes, from, to, |node| &mut node.connections);
            joined.push(to);
        }
        for _ in 0..(last - first) / per_extra {
            let [from, to] = [0; 2].map(|_| first + draws.below((last - first) as u64) as usize);
            join(&mut self.nodes, from, to, |node| &mut node.connections);
        }
    }
}

#[allow(clippy::too_many_arguments)] // One caller; a struct for it would only rename the list.
fn draw_node(
    content: &Content,
    region: &Region,
    at: usize,
    place: Ix<NodeKind>,
    which: usize,
    count: usize,
    names: &[String],
    draws: &mut Draws<'_>,
) -> Node {
    let shape = &content.balance.map;
    let area = &content.regions[region.kind];
    let kind = &content.nodes[place];
    let angle = std::f64::consts::TAU * (which as f64 + 0.7 * draws.share()) / count as f64;
    let reach = shape.spread * (0.35 + 0.65 * draws.share());
    let first = names.get(which).cloned().unwrap_or_default();
    let last = content.names.lasts.get(content.nodes.id(place)).and_then(|lasts| draws.pick(lasts));
    let danger = f64::midpoint(kind.danger, area.danger);
    let seek = &content.balance.seek;
    Node {
        region: at,
        kind: place,
        name: format!("{first} {}", last.map_or("", String::as_str)),
        position: [
            round(region.position[0] + reach * libm::cos(angle)),
            round(region.position[1] + reach * libm::sin(angle)),
        ],
        connections: Vec::new(),
        repair: draws.chance(kind.repair * f64::midpoint(1.0, area.repair_availability)),
        trade: draws.chance(kind.trade),
        danger,
        ore: kind.ore.map_or(0, |range| draws.within(range)),
        salvage: kind.salvage.map_or(0, |range| draws.within(range)),
        foes: if danger > seek.least_danger { draws.within(seek.foes) } else { 0 },
        market: Vec::new(),
    }
}

/// Rich regions pay more for everything, dangerous places for what helps a crew through the day.
fn open_market(content: &Content, wealth: f64, danger: f64, draws: &mut Draws<'_>) -> Vec<Listing> {
    let market = &content.balance.market;
    let swing = (market.local * 1000.0) as i64;
    let level = |item: &Item| {
        let need = if item.category == Category::Consumable { market.danger * (2.0 * danger - 1.0) } else { 0.0 };
        libm::round(1000.0 * (1.0 + market.wealth * (wealth - 1.0) + need)) as i64
    };
    let traded = content.items.iter().filter(|(_, item)| item.base_value > 0);
    // Content is bounded so that both fit.
    let small = |figure: i64| i32::try_from(figure).unwrap_or(i32::MAX);
    traded
        .map(|(ix, item)| Listing {
            item: ix,
            taste: small((level(item) + draws.within([-swing, swing])).max(1)),
            stock: small(draws.within(market.stock)),
        })
        .collect()
}

fn shuffled(lists: &std::collections::BTreeMap<String, Vec<String>>, id: &str, draws: &mut Draws<'_>) -> Vec<String> {
    let mut list = lists.get(id).cloned().unwrap_or_default();
    draws.shuffle(&mut list);
    list
}

fn join<T>(all: &mut [T], a: usize, b: usize, connections: impl Fn(&mut T) -> &mut Vec<usize>) {
    if a == b {
        return;
    }
    for (from, to) in [(a, b), (b, a)] {
        let list = connections(&mut all[from]);
        if let Err(at) = list.binary_search(&to) {
            list.insert(at, to);
        }
    }
}

fn distance(a: [f64; 2], b: [f64; 2]) -> f64 {
    let [x, y] = [a[0] - b[0], a[1] - b[1]];
    libm::sqrt(x * x + y * y)
}

/// To a tenth of a map unit: short in files, exact everywhere.
fn round(length: f64) -> f64 {
    libm::round(length * 10.0) / 10.0
}
