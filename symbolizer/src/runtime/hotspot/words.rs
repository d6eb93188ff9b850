//! Reads of a virtual machine's memory.

/// The memory of a virtual machine. It may be hostile, so who reads it has bounds, beyond which every read fails.
pub trait Words {
    /// A number of up to eight bytes.
    fn number(&self, address: u64, size: usize) -> Option<u64>;

    /// A text that ends with a zero; `None` if it is longer than names are.
    fn text(&self, address: u64) -> Option<String>;

    /// A word.
    fn word(&self, address: u64) -> Option<u64> {
        self.number(address, 8)
    }
}
