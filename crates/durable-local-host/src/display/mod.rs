//! What people read: texts that fit, and colours.

mod paint;
mod text;

pub(crate) use paint::{Paint, style};
pub(crate) use text::{coloured, cut, duration, lines, one_line, padding, width};
