using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Memory;

namespace Lguest.Jit.Core.Interpreter;

/// <summary>What happens when somebody writes to code: exactly the blocks whose bytes were hit go.</summary>
internal sealed unsafe partial class BlockCache
{
    /// <inheritdoc/>
    public void NotifyWrite(uint physical, uint length)
    {
        if (length == 0 || !_machine.Mmu.Code.Overlaps(physical, length))
        {
            return;
        }

        uint end = physical + length;
        if (_partial != null && _partial->Physical < end && physical < _partial->Physical + _partial->ByteLength)
        {
            _cpu->Cut = ExitReason.BlockCut;
        }

        for (uint frame = physical >> 12; frame <= (end - 1) >> 12; frame++)
        {
            if (_machine.Mmu.Code.HasCode(frame))
            {
                InvalidateInFrame(frame, physical, end);
            }
        }
    }

    private void InvalidateInFrame(uint frame, uint physical, uint end)
    {
        ulong lines = 0;
        if (_partial != null && !_partial->CrossesPage && _partial->Physical >> 12 == frame)
        {
            uint from = _partial->Physical & 0xFFF;
            lines = CodeMap.LineMask(from, from + _partial->ByteLength - 1);
        }

        GuestBlock** link = &_frames[frame];
        while (*link != null)
        {
            GuestBlock* block = *link;
            bool first = block->Physical >> 12 == frame;
            GuestBlock** next = first ? &block->FrameNext : &block->SecondFrameNext;
            (uint begin, uint length) = Extent(block, first);
            bool bothHere = first && block->CrossesPage && block->SecondPhysical >> 12 == frame;
            if (block->Valid && (Overlaps(block, first, physical, end) || (bothHere && Overlaps(block, first: false, physical, end))))
            {
                block->Valid = false;
                block->Rewrites += block->Rewrites == ushort.MaxValue ? (ushort)0 : (ushort)1;
                block->Head->Handler = &BlockHead.Stale;
                Invalidated++;
                Listener?.Invalidated(block);
                _cpu->Cut = ExitReason.BlockCut;
            }

            if (!block->Valid)
            {
                *link = *next;
                continue;
            }

            lines |= CodeMap.LineMask(begin & 0xFFF, (begin & 0xFFF) + length - 1);
            if (bothHere)
            {
                // Both halves in one frame: two virtual pages on the same physical one.
                (begin, length) = Extent(block, first: false);
                lines |= CodeMap.LineMask(begin & 0xFFF, (begin & 0xFFF) + length - 1);
            }

            link = next;
        }

        _machine.Mmu.Code.SetLines(frame, lines);
    }

    private static bool Overlaps(GuestBlock* block, bool first, uint physical, uint end)
    {
        (uint begin, uint length) = Extent(block, first);
        return begin < end && physical < begin + length;
    }

    /// <summary>The part of a block that lies in the frame of its first, or of its second page.</summary>
    private static (uint From, uint Length) Extent(GuestBlock* block, bool first)
    {
        if (!block->CrossesPage)
        {
            return (block->Physical, block->ByteLength);
        }

        uint inFirst = 0x1000 - (block->Physical & 0xFFF);
        return first ? (block->Physical, inFirst) : (block->SecondPhysical, block->ByteLength - inFirst);
    }
}
