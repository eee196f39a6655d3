//! One character cell of a scanline as the classifier wants it: 160 pixels an inch, whatever the scan was, ink 1, paper 0.
//! The trainer cuts its drawn glyphs with the same code.

/// Pixels of the classifier's raster.
pub const WIDTH: usize = 20;
pub const HEIGHT: usize = 24;
/// Ten characters an inch: one cell is this many pixels of the raster wide.
pub const PITCH: f32 = 16.0;

/// What a cell can hold: these characters, then nothing, then something that is none of them.
pub const CHARACTERS: &[char] = &[
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '<', '>', '+', '-', '#', '$', '&', '|', '\u{2440}', '\u{2441}',
    '\u{2442}',
];
pub const BLANK: usize = CHARACTERS.len();
pub const OTHER: usize = BLANK + 1;
pub const CLASSES: usize = OTHER + 1;

/// Ink of a piece of the page, row by row.
#[derive(Clone, Debug, Default)]
pub struct Patch {
    pub width: usize,
    pub height: usize,
    pub ink: Vec<f32>,
}

impl Patch {
    /// Between pixels, linear; paper outside. Pixel centres lie at halves.
    fn at(&self, x: f32, y: f32) -> f32 {
        let (x, y) = (x - 0.5, y - 0.5);
        if x < -1.0 || y < -1.0 || x >= self.width as f32 || y >= self.height as f32 {
            return 0.0;
        }
        let (left, top) = (x.floor(), y.floor());
        let (fx, fy) = (x - left, y - top);
        let (left, top) = (left as i32, top as i32);
        let get = |x: i32, y: i32| {
            if x < 0 || y < 0 || x as usize >= self.width || y as usize >= self.height {
                return 0.0;
            }
            self.ink[y as usize * self.width + x as usize]
        };
        let upper = get(left, top) * (1.0 - fx) + get(left + 1, top) * fx;
        let lower = get(left, top + 1) * (1.0 - fx) + get(left + 1, top + 1) * fx;
        upper * (1.0 - fy) + lower * fy
    }

    /// The cell around a point, `pitch` source pixels to a character, on a line that falls `slope` pixels a pixel.
    pub fn cell(&self, centre: (f32, f32), pitch: f32, slope: f32, out: &mut [f32; WIDTH * HEIGHT]) {
        let scale = pitch / PITCH;
        for row in 0..HEIGHT {
            let dy = (row as f32 + 0.5 - HEIGHT as f32 / 2.0) * scale;
            for column in 0..WIDTH {
                let dx = (column as f32 + 0.5 - WIDTH as f32 / 2.0) * scale;
                let (x, y) = (centre.0 + dx - dy * slope, centre.1 + dy + dx * slope);
                let step = scale / 4.0;
                let sum = self.at(x - step, y - step)
                    + self.at(x + step, y - step)
                    + self.at(x - step, y + step)
                    + self.at(x + step, y + step);
                // Clean paper stays exactly 0: the classifier skips it.
                out[row * WIDTH + column] = if sum < 0.04 { 0.0 } else { sum / 4.0 };
            }
        }
    }
}
