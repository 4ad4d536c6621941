//! Tables with aligned columns that fit a terminal.

use anstyle::Style;

use crate::display::{Paint, style};
use crate::display::{cut, one_line, padding, width};

/// Blanks between two columns.
const GAP: usize = 2;

/// A column.
#[derive(Debug)]
pub(super) struct Column {
    title: &'static str,
    /// When there is too little room, columns of the highest rank get narrower first; those of
    /// rank 0 never do, and those of rank 1 only when nothing else is left.
    rank: u8,
    least: usize,
    right: bool,
    /// Whether it goes before columns of rank 1 get narrower.
    optional: bool,
}

impl Column {
    /// A column that is always as wide as its texts.
    pub(super) fn whole(title: &'static str) -> Self {
        Self {
            title,
            rank: 0,
            least: 0,
            right: false,
            optional: false,
        }
    }

    /// A column that may get narrower, down to `least`.
    pub(super) fn flexible(title: &'static str, rank: u8, least: usize) -> Self {
        Self {
            rank,
            least,
            ..Self::whole(title)
        }
    }

    /// The same column, to be left out when there is too little room.
    pub(super) fn optional(self) -> Self {
        Self {
            optional: true,
            ..self
        }
    }

    /// A column of numbers.
    pub(super) fn number(title: &'static str) -> Self {
        Self {
            right: true,
            ..Self::whole(title)
        }
    }
}

/// A text in a table.
#[derive(Debug)]
pub(super) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    pub(super) fn new(text: &str) -> Self {
        Self::styled(text, style::PLAIN)
    }

    pub(super) fn styled(text: &str, style: Style) -> Self {
        Self {
            text: one_line(text).into_owned(),
            style,
        }
    }
}

/// A table.
#[derive(Debug)]
pub(super) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    pub(super) fn new(columns: Vec<Column>) -> Self {
        Self {
            columns,
            rows: Vec::new(),
        }
    }

    pub(super) fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    /// The table as text; without a width, as wide as its texts.
    pub(super) fn render(&self, columns: Option<usize>, paint: Paint) -> String {
        let widths = self.widths(columns);
        let mut out = String::new();
        let titles = self.columns.iter().map(|column| (column.title, style::DIM));
        self.line(&mut out, &widths, titles, paint);
        for row in &self.rows {
            let cells = row.iter().map(|cell| (cell.text.as_str(), cell.style));
            self.line(&mut out, &widths, cells, paint);
        }
        out
    }

    /// Columns of each column; `None` for those that are left out.
    fn widths(&self, columns: Option<usize>) -> Vec<Option<usize>> {
        let mut natural: Vec<Option<usize>> = self
            .columns
            .iter()
            .map(|column| Some(width(column.title)))
            .collect();
        for row in &self.rows {
            for (widest, cell) in natural.iter_mut().zip(row) {
                *widest = (*widest).max(Some(width(&cell.text)));
            }
        }
        let Some(columns) = columns else {
            return natural;
        };
        let mut order: Vec<(usize, &Column)> = self.columns.iter().enumerate().collect();
        order.sort_by_key(|(_, column)| std::cmp::Reverse(column.rank));
        let mut leaving = order.iter().filter(|(_, column)| column.optional);
        loop {
            let mut widths = natural.clone();
            let secondary = order.iter().filter(|(_, column)| column.rank > 1);
            if narrow(&mut widths, secondary, columns) {
                return widths;
            }
            let Some((number, _)) = leaving.next() else {
                let primary = order.iter().filter(|(_, column)| column.rank == 1);
                narrow(&mut widths, primary, columns);
                return widths;
            };
            if let Some(width) = natural.get_mut(*number) {
                *width = None;
            }
        }
    }

    fn line<'a>(
        &self,
        out: &mut String,
        widths: &[Option<usize>],
        cells: impl Iterator<Item = (&'a str, Style)>,
        paint: Paint,
    ) {
        let mut waiting = String::new();
        for ((column, columns), (text, style)) in self.columns.iter().zip(widths).zip(cells) {
            let Some(columns) = *columns else {
                continue;
            };
            let text = cut(text, columns, "…");
            let blanks = padding(&text, columns);
            // Blanks are written only before a text, so that no line ends in them.
            if column.right {
                waiting.push_str(&blanks);
            }
            if !text.is_empty() {
                out.push_str(&waiting);
                waiting.clear();
                paint.push(out, style, &text);
            }
            if !column.right {
                waiting.push_str(&blanks);
            }
            waiting.push_str(&" ".repeat(GAP));
        }
        out.push('\n');
    }
}

/// Makes these columns narrower, one after the other, until the table fits; whether it does.
fn narrow<'a>(
    widths: &mut [Option<usize>],
    order: impl Iterator<Item = &'a (usize, &'a Column)>,
    columns: usize,
) -> bool {
    let shown = widths.iter().flatten();
    let gaps = GAP * shown.clone().count().saturating_sub(1);
    let mut missing = (shown.sum::<usize>() + gaps).saturating_sub(columns);
    for (number, column) in order {
        if let Some(Some(width)) = widths.get_mut(*number) {
            let given = missing.min(width.saturating_sub(column.least));
            *width -= given;
            missing -= given;
        }
    }
    missing == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(vec![
            Column::whole("STATUS"),
            Column::flexible("INSTANCE", 1, 8),
            Column::number("MS").optional(),
            Column::flexible("OUTPUT", 2, 6).optional(),
        ]);
        for (status, id, time, output) in [
            ("Completed", "order-7", "12", r#"{"city":"東京"}"#),
            ("Failed", "0123456789abcdef", "1400", "x: no\nmoney left"),
            ("Running", "a", "", ""),
        ] {
            table.row([status, id, time, output].map(Cell::new).into());
        }
        table
    }

    #[test]
    fn columns_are_aligned() {
        assert_eq!(
            table().render(None, Paint::NONE),
            "STATUS     INSTANCE            MS  OUTPUT\n\
             Completed  order-7             12  {\"city\":\"東京\"}\n\
             Failed     0123456789abcdef  1400  x: no\\nmoney left\n\
             Running    a\n"
        );
    }

    #[test]
    fn the_least_important_column_gets_narrower_first() {
        assert_eq!(
            table().render(Some(45), Paint::NONE),
            "STATUS     INSTANCE            MS  OUTPUT\n\
             Completed  order-7             12  {\"city\":\"…\n\
             Failed     0123456789abcdef  1400  x: no\\nmo…\n\
             Running    a\n"
        );
        // Then it goes, before ids are cut.
        assert_eq!(
            table().render(Some(40), Paint::NONE),
            "STATUS     INSTANCE            MS\n\
             Completed  order-7             12\n\
             Failed     0123456789abcdef  1400\n\
             Running    a\n"
        );
        assert_eq!(
            table().render(Some(20), Paint::NONE),
            "STATUS     INSTANCE\n\
             Completed  order-7\n\
             Failed     01234567…\n\
             Running    a\n"
        );
    }

    proptest::proptest! {
        #[test]
        fn lines_fit_whenever_they_can(cells in proptest::collection::vec(proptest::collection::vec(".{0,40}", 4), 0..5), columns in 40usize..120) {
            let mut table = Table::new(vec![
                Column::flexible("A", 1, 5),
                Column::flexible("B", 2, 5),
                Column::flexible("C", 3, 5),
                Column::flexible("D", 4, 5),
            ]);
            for row in &cells {
                table.row(row.iter().map(|text| Cell::new(text)).collect());
            }
            for line in table.render(Some(columns), Paint::NONE).lines() {
                proptest::prop_assert!(width(line) <= columns, "{line:?}");
            }
        }
    }
}
