using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Translator.Tiering;

/// <summary>
/// The blocks that wait to be compiled, on the Guest thread. The compiler is slower than the Guest at finding hot code, so what
/// matters is whom it serves first: a block that waits goes on counting, and each time its counter runs out it asks for twice
/// as much. How far it has got is its heat.
/// </summary>
internal sealed unsafe class HotBlocks
{
    /// <summary>Blocks that wait at most; beyond, all start anew, and those that are hot are soon back.</summary>
    private const int Capacity = 8192;

    /// <summary>Blocks looked at for one that is mapped now.</summary>
    private const int Attempts = 16;

    private readonly Dictionary<nint, uint> _heat = [];

    /// <summary>Those of the kernel, and those of programs: at any time only one kind can be planned.</summary>
    private readonly PriorityQueue<(nint Block, uint Heat), long>[] _hottest = [new(), new()];
    private readonly List<(nint Block, uint Heat)> _passed = [];

    public int Count => _heat.Count;

    /// <summary>The heat of the hottest that waits in this mode, or a bit more: it may have been taken.</summary>
    public uint Hottest(CpuMode mode) => Of(mode).TryPeek(out (nint Block, uint Heat) first, out _) ? first.Heat : 0;

    /// <summary>
    /// A block's counter has run out. Its heat doubles, and it goes on counting; at a first time the heat is
    /// <paramref name="threshold"/>.
    /// </summary>
    public void Heat(GuestBlock* block, uint threshold)
    {
        if (_heat.Count >= Capacity)
        {
            Clear();
        }

        uint heat = _heat.TryGetValue((nint)block, out uint before) ? Math.Min(before * 2, 1u << 30) : threshold;
        _heat[(nint)block] = heat;
        Of(block->Mode).Enqueue(((nint)block, heat), -heat);
        BlockHead.SetCounting(block->Head, heat);
    }

    /// <summary>
    /// Takes the hottest block of this mode that is valid and satisfies <paramref name="usable"/>; null: there is none among the
    /// hottest few.
    /// </summary>
    public GuestBlock* TakeHottest(CpuMode mode, Func<nint, bool> usable)
    {
        PriorityQueue<(nint Block, uint Heat), long> hottest = Of(mode);
        nint found = 0;
        _passed.Clear();
        while (found == 0 && _passed.Count < Attempts && hottest.TryDequeue(out (nint Block, uint Heat) entry, out _))
        {
            if (!_heat.TryGetValue(entry.Block, out uint heat) || heat != entry.Heat)
            {
                // It has become hotter since, and stands in the queue once more; or it has gone.
                continue;
            }

            if (!((GuestBlock*)entry.Block)->Valid)
            {
                _heat.Remove(entry.Block);
            }
            else if (usable(entry.Block))
            {
                _heat.Remove(entry.Block);
                found = entry.Block;
            }
            else
            {
                _passed.Add(entry);
            }
        }

        foreach ((nint Block, uint Heat) entry in _passed)
        {
            hottest.Enqueue(entry, -entry.Heat);
        }

        return (GuestBlock*)found;
    }

    /// <summary>The block arena has been emptied, and no pointer is good any more; or there are too many.</summary>
    public void Clear()
    {
        _heat.Clear();
        _hottest[0].Clear();
        _hottest[1].Clear();
    }

    private PriorityQueue<(nint Block, uint Heat), long> Of(CpuMode mode) => _hottest[(mode & CpuMode.User) != 0 ? 1 : 0];
}
