//! The star map: regions on a ring, places joined inside each, and how it is drawn from a seed.
//!
//! The map never changes after its creation; what a game changes about its places is in [`super::state::Place`]. Angles and
//! roots come from `libm`, not the platform, so one seed gives one map on every machine.

use super::content::{Category, Content, Item, NodeKind, RegionKind};
use super::rng::{Dice, Draws, Stream};
use super::table::Ix;

/// Regions and places, with the routes between them.
///
/// It is half of what a game takes in memory, so what differs in length from place to place stands in one list for all of
/// them: names, ways and markets in the order of the places, of which each knows where its own end.
#[derive(Clone, Debug, PartialEq)]
pub struct StarMap {
    /// In ring order.
    pub regions: Box<[Region]>,
    /// Region by region.
    pub nodes: Box<[Node]>,
    names: Box<str>,
    ways: Box<[u16]>,
    listings: Box<[Listing]>,
}

/// A part of the map.
#[derive(Clone, Debug, PartialEq)]
pub struct Region {
    /// Its kind.
    pub kind: Ix<RegionKind>,
    /// Its name, unique in the map.
    pub name: Box<str>,
    /// Map units.
    pub position: [f64; 2],
    /// Regions a jump leads to, in ascending order.
    pub connections: Vec<usize>,
    /// Its places, a range of [`StarMap::nodes`].
    pub nodes: std::ops::Range<usize>,
}

/// A place. Its name, its ways and its market are the map's to tell.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Map units.
    pub position: [f64; 2],
    /// 0 to 1.
    pub danger: f64,
    /// Where its name, its ways and its listings end in the map's lists.
    ends: [u32; 3],
    /// Its kind.
    pub kind: Ix<NodeKind>,
    region: u16,
    /// Ore it began with.
    pub ore: u16,
    /// Salvage attempts it began with.
    pub salvage: u16,
    /// Foes it can hold.
    pub foes: u16,
    /// Whether ships are repaired and sold here.
    pub repair: bool,
    /// Whether goods are traded here.
    pub trade: bool,
}

impl Node {
    /// Index of its region.
    pub fn region(&self) -> usize {
        self.region.into()
    }

    /// Whether there is a dock of either sort.
    pub fn dock(&self) -> bool {
        self.repair || self.trade
    }
}

/// An item at a trade dock. Content is bounded so that its figures fit.
#[derive(Clone, Debug, PartialEq)]
pub struct Listing {
    /// The item.
    pub item: Ix<Item>,
    /// The place's taste, in thousandths of the base price.
    pub taste: u16,
    /// Units it keeps when left alone.
    pub stock: u16,
}

/// A place on its own, as it is drawn or read.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // As in `Node`.
pub struct Draft {
    pub kind: Ix<NodeKind>,
    /// Unique in its region.
    pub name: String,
    pub position: [f64; 2],
    /// Places one move away, in ascending order.
    pub connections: Vec<usize>,
    pub repair: bool,
    pub trade: bool,
    pub danger: f64,
    pub ore: u16,
    pub salvage: u16,
    pub foes: u16,
    /// What a trade dock deals in.
    pub market: Vec<Listing>,
}

impl Draft {
    fn dock(&self) -> bool {
        self.repair || self.trade
    }
}

/// A map while it is drawn or read.
#[derive(Debug, Default)]
#[allow(missing_docs)] // As in `StarMap`.
pub struct Sketch {
    pub regions: Vec<Region>,
    pub nodes: Vec<Draft>,
}

impl Sketch {
    /// The map.
    pub fn finish(self) -> StarMap {
        let (mut names, mut ways, mut listings) = (String::new(), Vec::new(), Vec::new());
        let mut nodes = Vec::with_capacity(self.nodes.len());
        for (at, draft) in self.nodes.into_iter().enumerate() {
            names.push_str(&draft.name);
            // A map has at most 400 places.
            ways.extend(draft.connections.into_iter().map(|to| to as u16));
            listings.extend(draft.market);
            nodes.push(Node {
                position: draft.position,
                danger: draft.danger,
                ends: [names.len(), ways.len(), listings.len()].map(|end| end as u32),
                kind: draft.kind,
                region: self.regions.iter().position(|region| region.nodes.contains(&at)).unwrap_or_default() as u16,
                ore: draft.ore,
                salvage: draft.salvage,
                foes: draft.foes,
                repair: draft.repair,
                trade: draft.trade,
            });
        }
        StarMap {
            regions: self.regions.into(),
            nodes: nodes.into(),
            names: names.into(),
            ways: ways.into(),
            listings: listings.into(),
        }
    }
}

impl StarMap {
    /// A map drawn from the dice.
    pub fn generate(content: &Content, dice: &mut Dice) -> Self {
        let mut map = Sketch::default();
        {
            let mut draws = dice.stream(Stream::Map);
            map.place_regions(content, &mut draws);
            for region in 0..map.regions.len() {
                map.fill_region(content, region, &mut draws);
            }
        }
        let mut draws = dice.stream(Stream::Market);
        for region in &map.regions {
            let wealth = content.regions[region.kind].wealth;
            for node in map.nodes[region.nodes.clone()].iter_mut().filter(|node| node.trade) {
                node.market = open_market(content, wealth, node.danger, &mut draws);
            }
        }
        map.finish()
    }

    /// The name of a place, unique in its region.
    pub fn name(&self, node: usize) -> &str {
        &self.names[self.part(node, 0)]
    }

    /// Places one move away, in ascending order.
    pub fn ways(&self, node: usize) -> impl Iterator<Item = usize> + Clone {
        self.ways[self.part(node, 1)].iter().map(|to| usize::from(*to))
    }

    /// What a trade dock deals in.
    pub fn market(&self, node: usize) -> &[Listing] {
        &self.listings[self.part(node, 2)]
    }

    fn part(&self, node: usize, list: usize) -> std::ops::Range<usize> {
        let start = node.checked_sub(1).map_or(0, |before| self.nodes[before].ends[list]);
        start as usize..self.nodes[node].ends[list] as usize
    }

    /// Where a game begins: the first place of the starting kind in a region of the starting kind.
    pub fn start(&self, content: &Content) -> usize {
        let start = &content.balance.start;
        let fits = |node: &Node| node.kind == start.node.ix() && self.regions[node.region()].kind == start.region.ix();
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
        let region = self.nodes[node].region();
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
}

impl Sketch {
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
                name: names[which].get(used[which]).map_or("", String::as_str).into(),
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
            self.nodes.push(draw_node(content, &region, place, which, count, &names, draws));
        }
        self.regions[at].nodes = first..self.nodes.len();
        self.ensure_dock(content, at, draws);
        self.join_nodes(first, shape.nodes_per_extra, draws);
    }

    /// A region without a dock strands people: its likeliest place gets one, and the start is always a full port.
    fn ensure_dock(&mut self, content: &Content, at: usize, draws: &mut Draws<'_>) {
        let kind = self.regions[at].kind;
        let range = self.regions[at].nodes.clone();
        if !self.nodes[range.clone()].iter().any(Draft::dock) {
            let repair = draws.chance(content.regions[kind].repair_availability);
            let likely =
                |a: &&mut Draft, b: &&mut Draft| content.nodes[a.kind].trade.total_cmp(&content.nodes[b.kind].trade);
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
                    let length = distance(self.nodes[from].position, self.nodes[to].position);
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
    place: Ix<NodeKind>,
    which: usize,
    count: usize,
    names: &[String],
    draws: &mut Draws<'_>,
) -> Draft {
    let shape = &content.balance.map;
    let area = &content.regions[region.kind];
    let kind = &content.nodes[place];
    let angle = std::f64::consts::TAU * (which as f64 + 0.7 * draws.share()) / count as f64;
    let reach = shape.spread * (0.35 + 0.65 * draws.share());
    let first = names.get(which).cloned().unwrap_or_default();
    let last = content.names.lasts.get(content.nodes.id(place)).and_then(|lasts| draws.pick(lasts));
    let danger = f64::midpoint(kind.danger, area.danger);
    let seek = &content.balance.seek;
    Draft {
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
        ore: kind.ore.map_or(0, |range| small(draws.within(range))),
        salvage: kind.salvage.map_or(0, |range| small(draws.within(range))),
        foes: if danger > seek.least_danger { small(draws.within(seek.foes)) } else { 0 },
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

/// A figure that content bounds, so that it fits.
pub(super) fn small(figure: i64) -> u16 {
    u16::try_from(figure).unwrap_or(u16::MAX)
}

fn distance(a: [f64; 2], b: [f64; 2]) -> f64 {
    let [x, y] = [a[0] - b[0], a[1] - b[1]];
    libm::sqrt(x * x + y * y)
}

/// To a tenth of a map unit: short in files, exact everywhere.
fn round(length: f64) -> f64 {
    libm::round(length * 10.0) / 10.0
}
