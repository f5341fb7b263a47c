//! The formats of `struct`.

use super::super::fault::Fault;

/// The widest integer a format can have, in bytes.
pub const INTEGER_BYTES_MAX: usize = 32;
/// What `!` alone aligns to: the strictest of C's own types.
const NATURAL_ALIGNMENT: usize = 8;

/// Which byte of a number comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The lowest.
    Little,
    /// The highest.
    Big,
}

/// One letter of a format, with the number behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// The letter.
    pub letter: u8,
    /// Its size in bytes; 0 for what has none, or none yet.
    pub bytes: usize,
}

/// A format being read, and what it has said so far.
pub struct Format<'text> {
    text: &'text [u8],
    /// The order of bytes from here on.
    pub order: Order,
    alignment: usize,
}

impl<'text> Format<'text> {
    /// A format ends where C would end it: at the first zero.
    pub fn new(text: &'text [u8]) -> Self {
        let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
        let order = if cfg!(target_endian = "big") { Order::Big } else { Order::Little };
        Self { text: &text[..end], order, alignment: 1 }
    }

    /// Takes the next letter and its size.
    pub fn next(&mut self) -> Result<Option<Item>, Fault> {
        let Some((&letter, rest)) = self.text.split_first() else { return Ok(None) };
        self.text = rest;
        let bytes = match letter {
            b'b' | b'B' | b'x' => 1,
            b'h' | b'H' => 2,
            b'f' => 4,
            b'l' | b'L' | b'T' | b'd' => 8,
            b'c' => self.number(1)?,
            b'i' | b'I' => {
                let bytes = self.number(4)?;
                if bytes > INTEGER_BYTES_MAX {
                    return Err(Fault::call(format!(
                        "integral size {bytes} is larger than limit of {INTEGER_BYTES_MAX}"
                    )));
                }
                bytes
            }
            _ => 0,
        };
        Ok(Some(Item { letter, bytes }))
    }

    /// Takes a number, or `default` where there is none.
    fn number(&mut self, default: usize) -> Result<usize, Fault> {
        let digits = self.text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (written, rest) = self.text.split_at(digits);
        self.text = rest;
        if digits == 0 {
            return Ok(default);
        }
        let number = written.iter().try_fold(0i32, |number, digit| {
            number.checked_mul(10)?.checked_add(i32::from(digit - b'0'))
        });
        number.map(|number| number as usize).ok_or_else(|| Fault::call("integral size overflow"))
    }

    /// Obeys a letter that stands for no value.
    pub fn control(&mut self, letter: u8) -> Result<(), Fault> {
        match letter {
            b' ' => {}
            b'>' => self.order = Order::Big,
            b'<' => self.order = Order::Little,
            b'!' => {
                let alignment = self.number(NATURAL_ALIGNMENT)?;
                if !alignment.is_power_of_two() {
                    return Err(Fault::call(format!("alignment {alignment} is not a power of 2")));
                }
                self.alignment = alignment;
            }
            _ => return Err(Fault::argument(1, invalid_option(letter))),
        }
        Ok(())
    }

    /// How many bytes go before an item so that it is aligned at or behind `offset`.
    pub fn padding(&self, offset: usize, item: Item) -> usize {
        if item.bytes == 0 || item.letter == b'c' {
            return 0;
        }
        let unit = item.bytes.min(self.alignment);
        let mask = unit - 1;
        // For a unit that is no power of two this aligns to nothing; so it is in Redis.
        unit.wrapping_sub(offset & mask) & mask
    }
}

fn invalid_option(letter: u8) -> Vec<u8> {
    [b"invalid format option '".as_slice(), &[letter], b"'"].concat()
}
