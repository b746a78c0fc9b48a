using System.Numerics;
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

    /// <summary>Blocks of one mode that make a crowd: the compiler takes a tenth of a second for so many.</summary>
    private const int SmallestCrowd = 64;

    /// <summary>Blocks looked at for one that is mapped now.</summary>
    private const int Attempts = 16;

    private readonly Dictionary<nint, uint> _heat = [];

    /// <summary>
    /// Those of the kernel, and those of programs: at any time only one kind can be planned. By the power of two that their heat has reached: each comes by once for every step
    /// that it takes, ten thousands of times in a boot, so there is no finer order than that.
    /// </summary>
    private readonly Ladder[] _ladders = [new(), new()];
    private readonly List<nint> _passed = [];

    /// <summary>How many wait in each.</summary>
    private readonly int[] _waiting = new int[2];

    public int Count => _heat.Count;

    /// <summary>Times that a block has become hot, or hotter: as long as it is the same, and so is what is mapped, it is no use to ask again for what was not there.</summary>
    public long Steps { get; private set; }

    /// <summary>The heat of the hottest that waits in this mode, or a bit more: it may have been taken.</summary>
    public uint Hottest(CpuMode mode) => Of(mode).Highest is >= 0 and var step ? uint.MaxValue >> (31 - step) : 0;

    /// <summary>Do so many of this mode wait that each had better be done quickly?</summary>
    public bool IsCrowd(CpuMode mode) => _waiting[Number(mode)] >= SmallestCrowd;

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

        Steps++;
        uint heat = threshold;
        if (_heat.TryGetValue((nint)block, out uint before))
        {
            heat = Math.Min(before * 2, 1u << 30);
        }
        else
        {
            _waiting[Number(block->Mode)]++;
        }

        _heat[(nint)block] = heat;
        Of(block->Mode).Push((nint)block, BitOperations.Log2(heat));
        BlockHead.SetCounting(block->Head, heat);
    }

    /// <summary>
    /// Takes the hottest block of this mode that is valid and satisfies <paramref name="usable"/>; null: there is none among the
    /// hottest few.
    /// </summary>
    public GuestBlock* TakeHottest(CpuMode mode, Func<nint, bool> usable)
    {
        Ladder ladder = Of(mode);
        nint found = 0;
        for (int step = ladder.Highest; step >= 0 && found == 0; step = ladder.Highest)
        {
            nint block = ladder.Pop(step);
            if (!_heat.TryGetValue(block, out uint heat) || BitOperations.Log2(heat) != step)
            {
                // It has become hotter since, and stands there once more; or it has gone.
                continue;
            }

            if (!((GuestBlock*)block)->Valid)
            {
                Leave(block, mode);
            }
            else if (usable(block))
            {
                Leave(block, mode);
                found = block;
            }
            else
            {
                _passed.Add(block);
                if (_passed.Count == Attempts)
                {
                    break;
                }
            }
        }

        foreach (nint block in _passed)
        {
            ladder.Push(block, BitOperations.Log2(_heat[block]));
        }

        _passed.Clear();
        return (GuestBlock*)found;
    }

    /// <summary>The block arena has been emptied, and no pointer is good any more; or there are too many.</summary>
    public void Clear()
    {
        _heat.Clear();
        _ladders[0].Clear();
        _ladders[1].Clear();
        Array.Clear(_waiting);
    }

    /// <summary>It waits no longer. Its pointer may be good no more, but it has been found in this mode's ladder.</summary>
    private void Leave(nint block, CpuMode mode)
    {
        _heat.Remove(block);
        _waiting[Number(mode)]--;
    }

    private Ladder Of(CpuMode mode) => _ladders[Number(mode)];

    private static int Number(CpuMode mode) => (mode & CpuMode.User) != 0 ? 1 : 0;

    /// <summary>A queue for each power of two: who was not mapped when it was its turn goes to the end of it.</summary>
    private sealed class Ladder
    {
        private readonly Queue<nint>[] _queues = [.. Enumerable.Range(0, 32).Select(static _ => new Queue<nint>())];

        /// <summary>A bit for each that is not empty.</summary>
        private uint _some;

        /// <summary>The highest step that has something; −1: there is nothing.</summary>
        public int Highest => 31 - BitOperations.LeadingZeroCount(_some);

        public void Push(nint block, int step)
        {
            _queues[step].Enqueue(block);
            _some |= 1u << step;
        }

        public nint Pop(int step)
        {
            nint block = _queues[step].Dequeue();
            _some &= _queues[step].Count == 0 ? ~(1u << step) : uint.MaxValue;
            return block;
        }

        public void Clear()
        {
            foreach (Queue<nint> queue in _queues)
            {
                queue.Clear();
            }

            _some = 0;
        }
    }
}
