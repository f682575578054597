//! Storage addressed by number: one array, its holes used again.

/// The array.
pub(super) struct Slab<T> {
    items: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<T> Slab<T> {
    pub(super) fn insert(&mut self, item: T) -> u32 {
        if let Some(number) = self.free.pop() {
            self.items[number as usize] = Some(item);
            return number;
        }
        self.items.push(Some(item));
        u32::try_from(self.items.len() - 1).expect("the capacity is far below 2^32 items")
    }

    /// The item of a number that is in use.
    pub(super) fn get(&self, number: u32) -> &T {
        self.items[number as usize]
            .as_ref()
            .expect("a number that is kept is in use")
    }

    pub(super) fn get_mut(&mut self, number: u32) -> &mut T {
        self.items[number as usize]
            .as_mut()
            .expect("a number that is kept is in use")
    }

    pub(super) fn remove(&mut self, number: u32) -> T {
        self.free.push(number);
        self.items[number as usize]
            .take()
            .expect("a number that is kept is in use")
    }

    /// How many numbers there are, holes included.
    pub(super) fn span(&self) -> usize {
        self.items.len()
    }

    /// The item at a place below [`Slab::span`], unless that is a hole.
    pub(super) fn at(&self, place: usize) -> Option<&T> {
        self.items.get(place)?.as_ref()
    }
}

#[cfg(test)]
impl<T> Slab<T> {
    pub(super) fn is_empty(&self) -> bool {
        self.free.len() == self.items.len()
    }
}
