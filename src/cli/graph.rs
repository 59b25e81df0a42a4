//! A graph of revisions drawn with characters, as `git log --graph` draws commits: one lane for each line of descent.
//!
//! Pure: it gets what follows what, newest first, and gives for each node the text that stands left of it and the lines
//! that lead to the next one. What is written beside a node is `render`'s. Plain ASCII, so that a pipe, a mail or a log
//! shows it as well as a terminal.

/// A node and what it follows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node<'a> {
    /// The character that stands for it.
    pub(super) mark: char,
    /// Its name.
    pub(super) id: &'a str,
    /// The names of the nodes that it follows.
    pub(super) parents: &'a [String],
}

/// A node as it is drawn.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Drawn {
    /// The lanes on the node's own line.
    pub(super) lanes: String,
    /// The lines between this node and the next.
    pub(super) below: Vec<String>,
}

/// Draws the nodes, each of which stands before those that it follows.
pub(super) fn draw(nodes: &[Node<'_>]) -> Vec<Drawn> {
    let mut lanes = Lanes(Vec::new());
    let last = nodes.len().saturating_sub(1);
    let drawn = nodes.iter().enumerate().map(|(index, node)| {
        let column = lanes.column_of(node.id);
        let own_line = lanes.marked(column, node.mark);
        let below = if index == last {
            // Nothing follows that a line could lead to.
            Vec::new()
        } else {
            lanes.follow(column, node.parents)
        };
        Drawn {
            lanes: own_line,
            below,
        }
    });
    drawn.collect()
}

/// Side by side, from the left, the nodes that the open lines lead down to. Between two lines of text no node is there
/// twice.
struct Lanes<'a>(Vec<&'a str>);

impl<'a> Lanes<'a> {
    /// Where a node is awaited; a new lane at the right if nothing leads to it.
    fn column_of(&mut self, id: &'a str) -> usize {
        let column = self.0.iter().position(|awaited| *awaited == id);
        column.unwrap_or_else(|| {
            self.0.push(id);
            self.0.len() - 1
        })
    }

    fn marked(&self, column: usize, mark: char) -> String {
        let mut line = Line::of(self.0.len());
        line.put(2 * column, mark);
        line.text()
    }

    /// Goes from a node to its parents. Gives the lines that show the way.
    fn follow(&mut self, column: usize, parents: &'a [String]) -> Vec<String> {
        let Some((first, others)) = parents.split_first() else {
            return vec![self.end(column)];
        };
        self.0[column] = first;
        let mut lines: Vec<String> = others
            .iter()
            .rev()
            .map(|parent| self.fork(column, parent))
            .collect();
        while let Some((kept, gone)) = self.same() {
            lines.extend(self.join(kept, gone));
        }
        lines
    }

    /// The two leftmost lanes that lead to the same node.
    fn same(&self) -> Option<(usize, usize)> {
        (0..self.0.len()).find_map(|gone| {
            let kept = self.0[..gone].iter().position(|id| *id == self.0[gone]);
            kept.map(|kept| (kept, gone))
        })
    }

    /// Closes the lane of a node that follows nothing; those to the right move up.
    fn end(&mut self, column: usize) -> String {
        let mut line = Line::of(column);
        for moved in column + 1..self.0.len() {
            line.put(2 * moved - 1, '/');
        }
        self.0.remove(column);
        line.text()
    }

    /// Opens a lane right of a node's; those further right make room.
    fn fork(&mut self, column: usize, parent: &'a str) -> String {
        let mut line = Line::of(column + 1);
        for moved in column..self.0.len() {
            line.put(2 * moved + 1, '\\');
        }
        self.0.insert(column + 1, parent);
        line.text()
    }

    /// Leads a lane into one further left; those further right move up.
    fn join(&mut self, kept: usize, gone: usize) -> Vec<String> {
        let mut line = Line::of(gone);
        for moved in gone..self.0.len() {
            line.put(2 * moved - 1, '/');
        }
        for crossed in kept + 2..gone {
            line.put(2 * crossed - 1, '_');
        }
        self.0.remove(gone);
        if gone == kept + 1 {
            return vec![line.text()];
        }
        let mut arrival = Line::of(self.0.len());
        arrival.put(2 * kept + 1, '/');
        vec![line.text(), arrival.text()]
    }
}

/// One line of text: lanes stand at even places, what leads from one to another between them.
struct Line(Vec<char>);

impl Line {
    /// So many lanes that go straight down.
    fn of(lanes: usize) -> Self {
        Self("| ".repeat(lanes).chars().collect())
    }

    fn put(&mut self, place: usize, character: char) {
        if self.0.len() <= place {
            self.0.resize(place + 1, ' ');
        }
        self.0[place] = character;
    }

    fn text(&self) -> String {
        self.0.iter().collect::<String>().trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests;
