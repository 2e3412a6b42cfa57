/// A heap that gives back its least element first: O(log n) per insertion and removal. Each element has four below it, which
/// takes fewer steps through memory than two.
struct Heap<Element: Comparable> {
    private var elements: [Element] = []

    init() {}

    /// Orders `elements`: O(n).
    init(_ elements: [Element]) {
        self.elements = elements
        guard elements.count > 1 else { return }
        for place in stride(from: (elements.count - 2) / 4, through: 0, by: -1) {
            sink(elements[place], from: place)
        }
    }

    mutating func insert(_ element: Element) {
        elements.append(element)
        elements.withUnsafeMutableBufferPointer { elements in
            var place = elements.count - 1
            while place > 0 {
                let parent = (place - 1) / 4
                guard element < elements[parent] else { break }
                elements[place] = elements[parent]
                place = parent
            }
            elements[place] = element
        }
    }

    mutating func popLeast() -> Element? {
        guard let least = elements.first, let last = elements.popLast() else { return nil }
        if !elements.isEmpty { sink(last, from: 0) }
        return least
    }

    /// Sifts `element` down from `place`.
    private mutating func sink(_ element: Element, from place: Int) {
        elements.withUnsafeMutableBufferPointer { elements in
            var place = place
            while true {
                let first = 4 * place + 1
                guard first < elements.count else { break }
                var smallest = first
                for child in first + 1..<max(first + 1, min(first + 4, elements.count))
                where elements[child] < elements[smallest] {
                    smallest = child
                }
                guard elements[smallest] < element else { break }
                elements[place] = elements[smallest]
                place = smallest
            }
            elements[place] = element
        }
    }
}
