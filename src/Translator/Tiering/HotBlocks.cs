using Lguest.Jit.Core.Interpreter;

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
    private readonly PriorityQueue<(nint Block, uint Heat), long> _hottest = new();
    private readonly List<(nint Block, uint Heat)> _passed = [];

    public int Count => _heat.Count;

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
        _hottest.Enqueue(((nint)block, heat), -heat);
        BlockHead.SetCounting(block->Head, heat);
    }

    /// <summary>
    /// Takes the hottest block that is valid and satisfies <paramref name="usable"/>; null: there is none among the hottest
    /// few.
    /// </summary>
    public GuestBlock* TakeHottest(Func<nint, bool> usable)
    {
        nint found = 0;
        _passed.Clear();
        while (found == 0 && _passed.Count < Attempts && _hottest.TryDequeue(out (nint Block, uint Heat) entry, out _))
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
            _hottest.Enqueue(entry, -entry.Heat);
        }

        return (GuestBlock*)found;
    }

    /// <summary>The block arena has been emptied, and no pointer is good any more; or there are too many.</summary>
    public void Clear()
    {
        _heat.Clear();
        _hottest.Clear();
    }
}
