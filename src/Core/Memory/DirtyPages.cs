using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Snapshots;

namespace Lguest.Jit.Core.Memory;

/// <summary>
/// Which pages of RAM have been written since the last checkpoint, what RAM hashes to, and what the pages held at the
/// last anchor, so that one can go back there. Nothing here ever looks at all of RAM.
/// </summary>
/// <remarks>
/// <para>
/// Invariant: a page that is not marked has no live write entry in any soft TLB (they are <i>parked</i>, see
/// <see cref="AddressSpace"/>), and everything that writes past the TLB marks the page first. So between a checkpoint and the first
/// write to a page there is always a call of <see cref="Mark(uint)"/>, and it comes before the write.
/// </para>
/// <para>It must be there before the first byte is loaded: RAM is taken to be all zeroes.</para>
/// </remarks>
internal sealed unsafe class DirtyPages : IDisposable
{
    private const byte SinceCheckpoint = 1;
    private const byte SinceAnchor = 2;
    private const byte Both = SinceCheckpoint | SinceAnchor;
    private const int PagesPerSlab = 256;

    private readonly GuestRam _ram;
    private readonly CodeMap _code;
    private readonly byte* _marks;
    private readonly ulong* _hashes;
    private readonly List<uint> _dirty = [];
    private readonly List<SavedPage> _saved = [];
    private readonly List<nint> _slabs = [];
    private readonly List<uint> _watchless = [];
    private ulong _sum;
    private ulong _sumAtAnchor;

    public DirtyPages(GuestRam ram, CodeMap code)
    {
        _ram = ram;
        _code = code;
        nuint frames = ram.Size / GuestRam.PageSize;
        _marks = (byte*)NativeMemory.AllocZeroed(frames);
        _hashes = (ulong*)NativeMemory.AllocZeroed(frames, sizeof(ulong));

        // Until somebody sets an anchor nothing is to be saved.
        NativeMemory.Fill(_marks, frames, SinceAnchor);
    }

    /// <summary>A page that was written since the anchor: what it held there, and its share in the hash.</summary>
    private readonly record struct SavedPage(uint Frame, nint Contents, ulong Hash);

    /// <summary>Pages written since the last checkpoint (or since the beginning), and those that always count as written.</summary>
    public int Count => _dirty.Count;

    /// <summary>Pages that an anchor holds copies of.</summary>
    public int SavedCount => _saved.Count;

    /// <summary>Their frames.</summary>
    public IEnumerable<uint> Saved => _saved.Select(static page => page.Frame);

    /// <summary>May the page be written without further ado?</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool IsMarked(uint frame) => _marks[frame] == Both;

    /// <summary>The page is about to be written.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Mark(uint frame)
    {
        if (_marks[frame] != Both)
        {
            MarkFirst(frame);
        }
    }

    /// <summary>
    /// From now on somebody writes to this page by its Host address, whom nobody hears: it counts as written all the time. That costs a
    /// hash at each checkpoint and a copy at each anchor.
    /// </summary>
    public void KeepMarked(uint frame)
    {
        if (!_watchless.Contains(frame))
        {
            _watchless.Add(frame);
            Mark(frame);
        }
    }

    /// <summary>Bytes, all in RAM, are about to be written.</summary>
    public void Mark(uint physical, uint length)
    {
        if (length != 0)
        {
            for (uint frame = physical >> 12; frame <= (uint)(((ulong)physical + length - 1) >> 12); frame++)
            {
                Mark(frame);
            }
        }
    }

    /// <summary>
    /// Hashes what has been written since the last one, and parks all write entries, so that the next writes are seen
    /// again. No engine may be running.
    /// </summary>
    /// <returns>The hash of all of RAM, as <see cref="PageHash.OfAll"/> would find it.</returns>
    public ulong Checkpoint()
    {
        foreach (uint frame in CollectionsMarshal.AsSpan(_dirty))
        {
            ulong hash = PageHash.Of(_ram.Base + (ulong)frame * GuestRam.PageSize, frame);
            _sum += hash - _hashes[frame];
            _hashes[frame] = hash;
            _marks[frame] = (byte)(_marks[frame] & ~SinceCheckpoint);
            _code.ParkWriteEntries(frame);
        }

        _dirty.Clear();
        MarkWatchless();
        return _sum;
    }

    /// <summary>From now on <see cref="Rollback"/> leads here. To be called right after a <see cref="Checkpoint"/>.</summary>
    public void Anchor()
    {
        if (_dirty.Count != _watchless.Count)
        {
            throw new InvalidOperationException("An anchor is set at a checkpoint.");
        }

        if (_saved.Count == 0)
        {
            // The first: no page has been saved, not because none was written but because nobody asked.
            NativeMemory.Fill(_marks, _ram.Size / GuestRam.PageSize, 0);
        }

        foreach (SavedPage page in _saved)
        {
            _marks[page.Frame] = 0;
        }

        foreach (uint frame in _watchless)
        {
            _marks[frame] = 0;
        }

        _saved.Clear();
        _sumAtAnchor = _sum;
        _dirty.Clear();
        MarkWatchless();
    }

    /// <summary>
    /// Puts all pages back to what they were at the anchor. The soft TLBs must be put back by the caller.
    /// </summary>
    /// <param name="observer">Told of each 64-byte line whose contents change by this.</param>
    public void Rollback(ICodeWriteObserver? observer)
    {
        foreach (SavedPage page in _saved)
        {
            uint start = page.Frame * GuestRam.PageSize;
            byte* now = _ram.Base + start;
            for (uint line = 0; line < GuestRam.PageSize; line += 64)
            {
                var then = new ReadOnlySpan<byte>((byte*)page.Contents + line, 64);
                var current = new Span<byte>(now + line, 64);
                if (!then.SequenceEqual(current))
                {
                    then.CopyTo(current);
                    observer?.NotifyWrite(start + line, 64);
                }
            }

            _hashes[page.Frame] = page.Hash;
            _marks[page.Frame] = 0;
        }

        // Pages that were marked before the anchor's copy was wanted cannot be: there is nothing dirty at an anchor.
        _dirty.Clear();
        _saved.Clear();
        _sum = _sumAtAnchor;
        MarkWatchless();
    }

    public void Dispose()
    {
        NativeMemory.Free(_marks);
        NativeMemory.Free(_hashes);
        foreach (nint slab in _slabs)
        {
            NativeMemory.Free((void*)slab);
        }

        _slabs.Clear();
    }

    private void MarkFirst(uint frame)
    {
        byte marks = _marks[frame];
        if ((marks & SinceCheckpoint) == 0)
        {
            _dirty.Add(frame);
        }

        if ((marks & SinceAnchor) == 0)
        {
            byte* copy = PageFor(_saved.Count);
            Buffer.MemoryCopy(_ram.Base + (ulong)frame * GuestRam.PageSize, copy, GuestRam.PageSize, GuestRam.PageSize);
            _saved.Add(new SavedPage(frame, (nint)copy, _hashes[frame]));
        }

        _marks[frame] = Both;
    }

    private void MarkWatchless()
    {
        foreach (uint frame in _watchless)
        {
            Mark(frame);
        }
    }

    private byte* PageFor(int index)
    {
        if (index / PagesPerSlab == _slabs.Count)
        {
            _slabs.Add((nint)NativeMemory.Alloc(PagesPerSlab * GuestRam.PageSize));
        }

        return (byte*)_slabs[index / PagesPerSlab] + index % PagesPerSlab * GuestRam.PageSize;
    }
}
