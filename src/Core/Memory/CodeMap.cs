using System.Runtime.InteropServices;

namespace Lguest.Jit.Core.Memory;

/// <summary>
/// Which 64-byte lines of which frames hold decoded or translated code, and which soft-TLB write entries lead to each
/// frame. Together they keep the promise of design §12.7: while a frame holds code no write entry maps it (in any
/// space, privilege or alias), so every store to it takes the cold path and is seen.
/// </summary>
internal sealed unsafe class CodeMap : IDisposable
{
    private readonly uint _frames;
    private readonly ulong* _lines;
    private readonly WriteSlot** _slots;
    private WriteSlot* _freeSlots;
    private readonly List<nint> _slabs = [];

    public CodeMap(GuestRam ram)
    {
        _frames = ram.Size / GuestRam.PageSize;
        _lines = (ulong*)NativeMemory.AllocZeroed(_frames, sizeof(ulong));
        _slots = (WriteSlot**)NativeMemory.AllocZeroed(_frames, (nuint)sizeof(nint));
    }

    /// <summary>One write entry that maps a frame: its cell, and the value it has while it does.</summary>
    private struct WriteSlot
    {
        public ulong* Cell;
        public ulong Value;
        public WriteSlot* Next;
    }

    /// <summary>Where the lines of a frame stand, for code that may not call us. Good while the map lives.</summary>
    public ulong* Lines(uint frame) => _lines + frame;

    /// <summary>Called when write entries have been taken away.</summary>
    public Action? EntriesTaken { get; set; }

    public bool HasCode(uint frame) => _lines[frame] != 0;

    /// <summary>Do any of the bytes, all within RAM, share a 64-byte line with code?</summary>
    public bool Overlaps(uint physical, uint length)
    {
        uint last = physical + length - 1;
        for (uint frame = physical >> 12; frame <= last >> 12; frame++)
        {
            uint from = frame == physical >> 12 ? physical & 0xFFF : 0;
            uint to = frame == last >> 12 ? last & 0xFFF : 0xFFF;
            if ((_lines[frame] & LineMask(from, to)) != 0)
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
        _lines[frame] |= LineMask(from, from + length - 1);
        TakeWriteEntries(frame, park: false);
    }

    /// <summary>Replaces the line mask of a frame after blocks in it were dropped; 0 lets write entries return.</summary>
    public void SetLines(uint frame, ulong lines) => _lines[frame] = lines;

    public static ulong LineMask(uint from, uint to) => (ulong.MaxValue << (int)(from >> 6)) & (ulong.MaxValue >> (63 - (int)(to >> 6)));

    /// <summary>Notes that <paramref name="cell"/> now holds write entry <paramref name="value"/> for <paramref name="frame"/>.</summary>
    public void NoteWriteEntry(uint frame, ulong* cell, ulong value)
    {
        // Entries die silently in flushes; prune what this walk meets, and never list a live cell twice.
        WriteSlot** link = &_slots[frame];
        while (*link != null)
        {
            WriteSlot* slot = *link;
            if (slot->Cell == cell)
            {
                slot->Value = value;
                return;
            }

            if (*slot->Cell != slot->Value)
            {
                *link = slot->Next;
                slot->Next = _freeSlots;
                _freeSlots = slot;
                continue;
            }

            link = &slot->Next;
        }

        WriteSlot* added = TakeSlot();
        *added = new WriteSlot { Cell = cell, Value = value, Next = _slots[frame] };
        _slots[frame] = added;
    }

    /// <summary>
    /// Takes every write entry to a frame away until the next store asks for it (<see cref="DirtyPages.Checkpoint"/>). Only where
    /// writes are tracked.
    /// </summary>
    public void ParkWriteEntries(uint frame) => TakeWriteEntries(frame, park: true);

    /// <summary>Clears every write entry to a frame that is still the one noted; parked ones stand beside their cell until they are wanted back.</summary>
    private void TakeWriteEntries(uint frame, bool park)
    {
        WriteSlot* slot = _slots[frame];
        _slots[frame] = null;
        bool taken = false;
        while (slot != null)
        {
            WriteSlot* next = slot->Next;
            if (*slot->Cell == slot->Value)
            {
                taken = true;
                *slot->Cell = 0;
                if (park)
                {
                    *(ulong*)((byte*)slot->Cell + AddressSpace.ParkedOffset) = slot->Value;
                }
            }

            slot->Next = _freeSlots;
            _freeSlots = slot;
            slot = next;
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
        NativeMemory.Free(_lines);
        NativeMemory.Free(_slots);
        foreach (nint slab in _slabs)
        {
            NativeMemory.Free((void*)slab);
        }
    }
}
