//! Who needs whom, where that goes in a circle, and what would open it.

use std::collections::{BTreeMap, BTreeSet};

/// For each node what it needs, and by which names.
#[derive(Debug, Default, Clone)]
pub(crate) struct Graph(BTreeMap<String, BTreeMap<String, BTreeSet<String>>>);

/// One arrow of a graph.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Edge {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) names: BTreeSet<String>,
}

impl Graph {
    pub(crate) fn node(&mut self, node: &str) {
        self.0.entry(node.to_owned()).or_default();
    }

    pub(crate) fn edge(&mut self, from: &str, to: &str, name: &str) {
        self.node(to);
        let targets = self.0.entry(from.to_owned()).or_default();
        targets.entry(to.to_owned()).or_default().insert(name.to_owned());
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    #[cfg(test)]
    pub(crate) fn arrows(&self) -> impl Iterator<Item = (&str, &str, Vec<&str>)> {
        self.0.iter().flat_map(|(from, targets)| {
            targets
                .iter()
                .map(|(to, names)| (from.as_str(), to.as_str(), names.iter().map(String::as_str).collect()))
        })
    }

    /// The same arrows among the nodes of `kept`, but none that leads to `around`.
    pub(crate) fn within(&self, kept: &BTreeSet<String>, around: &str) -> Self {
        let mut graph = self.clone();
        graph.0.retain(|node, _| kept.contains(node));
        graph.0.values_mut().for_each(|targets| targets.retain(|to, _| kept.contains(to) && to != around));
        graph
    }

    /// Sets of nodes each of which reaches all others of its set: the largest first, none of a single node.
    pub(crate) fn knots(&self) -> Vec<BTreeSet<String>> {
        let reach: BTreeMap<_, _> = self.0.keys().map(|node| (node, self.reached_from(node))).collect();
        let with = |node| reach[node].iter().filter(|other| reach[other].contains(node)).cloned().collect();
        let knots: BTreeSet<BTreeSet<String>> =
            self.0.keys().map(with).filter(|knot: &BTreeSet<_>| knot.len() > 1).collect();
        let mut knots: Vec<_> = knots.into_iter().collect();
        knots.sort_by_key(|knot| std::cmp::Reverse(knot.len()));
        knots
    }

    fn reached_from(&self, node: &str) -> BTreeSet<String> {
        let mut reached = BTreeSet::new();
        let mut open = vec![node];
        while let Some(next) = open.pop() {
            for target in self.0[next].keys() {
                if reached.insert(target.clone()) {
                    open.push(target);
                }
            }
        }
        reached
    }

    /// The arrows without which nothing in the knot goes in a circle: few names, though not always the fewest.
    pub(crate) fn closing(&self, knot: &BTreeSet<String>) -> Vec<Edge> {
        let order = self.in_order(knot);
        let place = |node: &str| order.iter().position(|one| *one == node);
        let arrows =
            knot.iter().flat_map(|from| self.0[from].iter().map(move |(to, names)| (from, to, names)));
        let up = arrows.filter(|(from, to, _)| knot.contains(*to) && place(to) < place(from));
        up.map(|(from, to, names)| Edge { from: from.clone(), to: to.clone(), names: names.clone() })
            .collect()
    }

    /// What needs others before what they need, as far as it goes: each node is moved to where the fewest names lead
    /// back, until no move helps.
    fn in_order<'a>(&self, knot: &'a BTreeSet<String>) -> Vec<&'a str> {
        let mut order: Vec<&str> = knot.iter().map(String::as_str).collect();
        while knot.iter().any(|node| self.moved(node, &mut order)) {}
        order
    }

    fn moved<'a>(&self, node: &'a str, order: &mut Vec<&'a str>) -> bool {
        let before = order.iter().position(|one| *one == node).unwrap_or_default();
        order.remove(before);
        let costs: Vec<_> = (0..=order.len()).map(|place| self.leading_back(node, order, place)).collect();
        let best = (0..costs.len()).min_by_key(|place| costs[*place]).unwrap_or_default();
        let better = costs[best] < costs[before];
        order.insert(if better { best } else { before }, node);
        better
    }

    /// How many names would lead back if the node stood at that place among the others.
    fn leading_back(&self, node: &str, others: &[&str], place: usize) -> usize {
        let from_node: usize = others[..place].iter().map(|other| self.names(node, other)).sum();
        let to_node: usize = others[place..].iter().map(|other| self.names(other, node)).sum();
        from_node + to_node
    }

    fn names(&self, from: &str, to: &str) -> usize {
        self.0[from].get(to).map_or(0, BTreeSet::len)
    }
}
