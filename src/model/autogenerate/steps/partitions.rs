//! The order among partitions and the rows that they take.

use super::{Builder, Node, Step};
use crate::model::schema::{ObjectKey, ObjectKind};

impl<'a> Builder<'_, 'a> {
    /// A partitioned table takes rows once its partitions are there, and gives them as long as its partitions are.
    pub(super) fn add_edges_of_filling(&mut self, table: &'a ObjectKey) {
        let mut waiting = vec![table];
        while let Some(parent) = waiting.pop() {
            for part in self.new.dependents(parent).to_vec() {
                if part.kind == ObjectKind::Table {
                    self.edge((Step::Attach, part), (Step::Fill, table));
                    waiting.push(part);
                }
            }
        }
        let mut waiting = vec![table];
        while let Some(parent) = waiting.pop() {
            for part in self.old.dependents(parent).to_vec() {
                if part.kind == ObjectKind::Table {
                    self.edge((Step::Fill, table), (Step::Discard, part));
                    self.edge((Step::Fill, table), (Step::Drop, part));
                    self.edge((Step::Move, parent), (Step::Move, part));
                    waiting.push(part);
                }
            }
        }
    }

    pub(super) fn add_edges_of_partitions(&mut self) {
        let nodes: Vec<Node<'a>> = self.steps.nodes.iter().copied().collect();
        for &(step, table) in &nodes {
            if step == Step::Detach {
                self.edge((step, table), (Step::Alter, table));
                for part in self.old.parts(table).to_vec() {
                    self.edges(Some((step, table)), self.unmake(part));
                    self.edges(Some((step, table)), self.make(part));
                }
                for part in self.new.parts(table).to_vec() {
                    self.edges(Some((step, table)), self.make(part));
                }
                let parent = self.old.partitioned_table(table);
                for part in parent
                    .map(|parent| self.old.parts(parent).to_vec())
                    .unwrap_or_default()
                {
                    self.edges(Some((step, table)), self.unmake(part));
                }
            }
            if step == Step::Attach {
                self.edge((Step::Detach, table), (step, table));
                self.edge((Step::Create, table), (step, table));
                self.edge((Step::Alter, table), (step, table));
                for part in self.new.parts(table).to_vec() {
                    self.edges(self.make(part), Some((step, table)));
                    // Its bounds may name a new label.
                    for used in self.new.rests_on(part).to_vec() {
                        self.edges(self.make(used), Some((step, table)));
                    }
                }
                let Some(parent) = self.new.partitioned_table(table) else {
                    continue;
                };
                self.edges(self.make(parent), Some((step, table)));
                for part in self.new.parts(parent).to_vec() {
                    self.edges(self.make(part), Some((step, table)));
                }
                // Its place may be that of a partition that goes.
                for other in self.old.dependents(parent).to_vec() {
                    if other != table {
                        self.edge((Step::Drop, other), (step, table));
                        self.edge((Step::Detach, other), (step, table));
                    }
                }
            }
        }
    }
}
