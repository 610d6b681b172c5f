//! The frame of a chart: margins, grid, ticks and what the axes are called.

use super::canvas::{Canvas, Drawn, Ink, Root};
use super::scale::Scale;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

/// A chart in its frame.
pub type Chart<'a> = ChartContext<'a, Canvas<'a>, Cartesian2d<Scale, Scale>>;

/// Room around a chart in tenths of a unit, and the lines behind it.
#[derive(Debug, Clone, Copy)]
pub struct Frame {
    /// For the labels of the upright axis.
    pub left: i32,
    /// Empty.
    pub right: i32,
    /// Empty.
    pub top: i32,
    /// For the labels of the lower axis.
    pub bottom: i32,
    /// Lines across: at the ticks of x, of y.
    pub grid: (bool, bool),
}

impl Frame {
    /// Charts with numbers on both axes.
    pub const NUMBERS: Self = Self { left: 580, right: 160, top: 140, bottom: 460, grid: (true, true) };

    /// Draws the frame and gives the chart inside.
    pub fn chart<'a>(
        &self,
        root: &Root<'a>,
        x: Scale,
        y: Scale,
        labels: (&str, &str),
    ) -> DrawResult<Chart<'a>, Canvas<'a>> {
        let mut builder = ChartBuilder::on(root);
        builder.margin_top(self.top).margin_right(self.right);
        builder.x_label_area_size(self.bottom).y_label_area_size(self.left);
        let mut chart = builder.build_cartesian_2d(x, y)?;
        let mut mesh = chart.configure_mesh();
        mesh.axis_style(Ink::AXIS).bold_line_style(Ink::GRID);
        mesh.x_label_style(Ink::TICK.text(HPos::Center, VPos::Top));
        mesh.y_label_style(Ink::TICK.text(HPos::Right, VPos::Center));
        mesh.axis_desc_style(Ink::LABEL.text(HPos::Center, VPos::Top));
        mesh.set_tick_mark_size(LabelAreaPosition::Bottom, 40).set_tick_mark_size(LabelAreaPosition::Left, 30);
        if !self.grid.0 {
            mesh.disable_x_mesh();
        }
        if !self.grid.1 {
            mesh.disable_y_mesh();
        }
        mesh.x_desc(labels.0).y_desc(labels.1).draw()?;
        Ok(chart)
    }
}

/// A straight line between two places of the chart.
pub fn line(chart: &mut Chart<'_>, ink: Ink, from: (f64, f64), to: (f64, f64)) -> Drawn {
    chart.draw_series([PathElement::new(vec![from, to], ink)]).map(|_| ())
}
