using System.Runtime.InteropServices;
using Lguest.Jit.Core.Interpreter.ControlFlow;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Interpreter;

/// <summary>
/// What happens when an arena is full. The kernel runs at one address for ever and its blocks are soon all there; programs come and
/// go, each at other addresses than the last (address space randomisation), and their blocks fill any arena in the end. So they live
/// in an arena of their own, and the kernel's blocks, and what was compiled from them, outlive them.
/// </summary>
internal sealed unsafe partial class BlockCache
{
    private long _kernelResets;

    /// <summary>Times an arena was emptied, whichever.</summary>
    public long Resets { get; private set; }

    /// <summary>A number that changes when pointers to blocks of <paramref name="mode"/> stop being good.</summary>
    public long Generation(CpuMode mode) => IsUser(mode) ? Resets : _kernelResets;

    /// <summary>Empties the cache. Only when no block is running.</summary>
    public void Reset()
    {
        Resets++;
        _kernelResets++;
        Listener?.Emptied();
        _kernelArena.Empty();
        _userArena.Empty();
        NativeMemory.Clear(_buckets, (nuint)(Buckets * sizeof(nint)));
        for (uint frame = 0; frame < Frames; frame++)
        {
            if (_frames[frame] != null)
            {
                _frames[frame] = null;
                _machine.Mmu.Code.SetLines(frame, 0);
            }
        }

        ForgetLinks();
    }

    private static bool IsUser(CpuMode mode) => (mode & CpuMode.User) != 0;

    private uint Frames => _machine.Ram.Size / GuestRam.PageSize;

    /// <summary>Memory for a block of <paramref name="mode"/>, made by dropping others if need be. Only when no block is running.</summary>
    /// <param name="mode">Whose arena.</param>
    /// <param name="size">Bytes.</param>
    /// <param name="dropped">Have other blocks of that mode gone?</param>
    private byte* Take(CpuMode mode, int size, out bool dropped)
    {
        BlockArena arena = IsUser(mode) ? _userArena : _kernelArena;
        byte* memory = arena.Take(size);
        dropped = memory == null;
        if (dropped)
        {
            if (IsUser(mode))
            {
                DropUserBlocks();
            }
            else
            {
                Reset();
            }

            memory = arena.Take(size);
        }

        return memory;
    }

    /// <summary>
    /// Drops the blocks of programs. No block of the kernel has a link to one of them: branches do not leave their ring, and what does
    /// (<c>iret</c>, <c>sysexit</c>) goes by the jump cache.
    /// </summary>
    private void DropUserBlocks()
    {
        Resets++;
        Listener?.UserEmptied();
        for (int i = 0; i < Buckets; i++)
        {
            GuestBlock** link = &_buckets[i];
            while (*link != null)
            {
                GuestBlock* block = *link;
                if (IsUser(block->Mode))
                {
                    block->Valid = false;
                    *link = block->HashNext;
                }
                else
                {
                    link = &block->HashNext;
                }
            }
        }

        for (uint frame = 0; frame < Frames; frame++)
        {
            if (_frames[frame] != null)
            {
                // Nothing is written to: it only takes what has become invalid off the list, and counts the lines anew.
                InvalidateInFrame(frame, physical: 0, end: 0);
            }
        }

        _userArena.Empty();
        ForgetLinks();
    }

    private void ForgetLinks()
    {
        ClearJumpCache();
        _cpu->PendingLink = null;
        ReturnLinks.Clear(_cpu);
    }
}
