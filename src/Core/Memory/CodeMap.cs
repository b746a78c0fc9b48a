using System.Runtime.InteropServices;

namespace Lguest.Jit.Core.Memory;

/// <summary>
/// Which 64-byte lines of which frames hold decoded or translated code, and which soft-TLB write entries lead to each
/// frame. Together they keep the promise of design §12.7: while a frame holds code no write entry maps it (in any
/// space, privilege or alias), so every store to it takes the cold path and is seen.
/// </summary>
internal sealed unsafe class CodeMap : IDisposable
{
    private readonly Frame* _frames;
    private readonly ulong _size;
    private WriteSlot* _freeSlots;
    private readonly List<nint> _slabs = [];

    public CodeMap(GuestRam ram)
    {
        _size = ram.Size / GuestRam.PageSize * (ulong)sizeof(Frame);
        _frames = (Frame*)HostMemory.Reserve(_size, HostPages.Small);
    }

    /// <summary>What is known of a frame. Half a line of the Host's cache: whoever fills the soft TLB waits for one of these each time.</summary>
    private struct Frame
    {
        /// <summary>A bit for each 64 bytes that hold code.</summary>
        public ulong Lines;

        /// <summary>The write entry that was noted last, and behind it the others.</summary>
        public WriteSlot Last;
    }

    /// <summary>One write entry that maps a frame: its cell, and the value it has while it does.</summary>
    private struct WriteSlot
    {
        /// <summary>Null: there is none.</summary>
        public ulong* Cell;
        public ulong Value;
        public WriteSlot* Next;

        /// <summary>Entries die silently in flushes.</summary>
        public readonly bool IsAlive => Cell != null && *Cell == Value;
    }

    /// <summary>Where the lines of a frame stand, for code that may not call us. Good while the map lives.</summary>
    public ulong* Lines(uint frame) => &_frames[frame].Lines;

    /// <summary>Called when write entries have been taken away.</summary>
    public Action? EntriesTaken { get; set; }

    public bool HasCode(uint frame) => _frames[frame].Lines != 0;

    /// <summary>Do any of the bytes, all within RAM, share a 64-byte line with code?</summary>
    public bool Overlaps(uint physical, uint length)
    {
        uint last = physical + length - 1;
        for (uint frame = physical >> 12; frame <= last >> 12; frame++)
        {
            uint from = frame == physical >> 12 ? physical & 0xFFF : 0;
            uint to = frame == last >> 12 ? last & 0xFFF : 0xFFF;
            if ((_frames[frame].Lines & LineMask(from, to)) != 0)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Marks bytes of one frame as code and takes every write entry to that frame away.</summary>
    public void MarkCode(uint physical, uint length)
    {
        uint frame = physical >> 12;
        uint from = physical & 0xFFF;
        _frames[frame].Lines |= LineMask(from, from + length - 1);
        TakeWriteEntries(frame, park: false);
    }

    /// <summary>Replaces the line mask of a frame after blocks in it were dropped; 0 lets write entries return.</summary>
    public void SetLines(uint frame, ulong lines) => _frames[frame].Lines = lines;

    public static ulong LineMask(uint from, uint to) => (ulong.MaxValue << (int)(from >> 6)) & (ulong.MaxValue >> (63 - (int)(to >> 6)));

    /// <summary>Notes that <paramref name="cell"/> now holds write entry <paramref name="value"/> for <paramref name="frame"/>.</summary>
    public void NoteWriteEntry(uint frame, ulong* cell, ulong value)
    {
        // A program's page that is given back and handed out again finds the last one dead, and the others are none of its business. (One of them may be the same cell,
        // which comes back to life by this. For the time being it is listed twice.)
        WriteSlot* last = &_frames[frame].Last;
        if (last->Cell != cell && last->IsAlive)
        {
            Prune(&last->Next, cell, last->Cell);
            WriteSlot* older = TakeSlot();
            *older = *last;
            last->Next = older;
        }

        last->Cell = cell;
        last->Value = value;
    }

    /// <summary>Takes off the list what is dead, and two cells that are about to stand before it: so it has each cell once.</summary>
    private void Prune(WriteSlot** link, ulong* cell, ulong* other)
    {
        while (*link != null)
        {
            WriteSlot* slot = *link;
            if (slot->Cell == cell || slot->Cell == other || !slot->IsAlive)
            {
                *link = slot->Next;
                slot->Next = _freeSlots;
                _freeSlots = slot;
                continue;
            }

            link = &slot->Next;
        }
    }

    /// <summary>Entries that are remembered for a frame, dead ones included: bounded by the number of places that it has been mapped at.</summary>
    public int EntriesNoted(uint frame)
    {
        int count = 0;
        for (WriteSlot* slot = &_frames[frame].Last; slot != null && slot->Cell != null; slot = slot->Next)
        {
            count++;
        }

        return count;
    }

    /// <summary>
    /// Takes every write entry to a frame away until the next store asks for it (<see cref="DirtyPages.Checkpoint"/>). Only where
    /// writes are tracked.
    /// </summary>
    public void ParkWriteEntries(uint frame) => TakeWriteEntries(frame, park: true);

    /// <summary>Clears every write entry to a frame that is still the one noted; parked ones stand beside their cell until they are wanted back.</summary>
    private void TakeWriteEntries(uint frame, bool park)
    {
        WriteSlot slot = _frames[frame].Last;
        _frames[frame].Last = default;
        bool taken = false;
        while (true)
        {
            if (slot.IsAlive)
            {
                taken = true;
                *slot.Cell = 0;
                if (park)
                {
                    *(ulong*)((byte*)slot.Cell + AddressSpace.ParkedOffset) = slot.Value;
                }
            }

            WriteSlot* next = slot.Next;
            if (next == null)
            {
                break;
            }

            slot = *next;
            next->Next = _freeSlots;
            _freeSlots = next;
        }

        if (taken)
        {
            EntriesTaken?.Invoke();
        }
    }

    private WriteSlot* TakeSlot()
    {
        if (_freeSlots == null)
        {
            const int PerSlab = 4096;
            var slab = (WriteSlot*)NativeMemory.Alloc(PerSlab, (nuint)sizeof(WriteSlot));
            _slabs.Add((nint)slab);
            for (int i = 0; i < PerSlab; i++)
            {
                slab[i].Next = _freeSlots;
                _freeSlots = &slab[i];
            }
        }

        WriteSlot* taken = _freeSlots;
        _freeSlots = taken->Next;
        return taken;
    }

    public void Dispose()
    {
        HostMemory.Release((byte*)_frames, _size);
        foreach (nint slab in _slabs)
        {
            NativeMemory.Free((void*)slab);
        }
    }
}
