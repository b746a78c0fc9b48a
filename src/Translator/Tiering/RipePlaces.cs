using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Translator.Cache;

namespace Lguest.Jit.Translator.Tiering;

/// <summary>
/// Watches the Guest for a few dozen blocks now and then, to find out at which blocks it goes from region to region all the time. A region from
/// there on that follows the Guest's ways is then worth its time: each way from region to region costs what ten or twenty instructions do.
/// </summary>
internal sealed unsafe class RipePlaces
{
    /// <summary>Blocks that are looked at in one go: the length of a large region and half as much.</summary>
    private const int BlocksOfLook = 64;

    /// <summary>Times that a region has to be left for a block until that is ripe.</summary>
    private const int CrossingsOfRipe = 16;

    /// <summary>After so many times as many it is ripe again: the Guest may do something else there by then, or nothing came of it.</summary>
    private const int TimesUntilRipeAgain = 8;

    /// <summary>Looks in a row that have found nothing new are followed by up to this many slices without.</summary>
    private const int LongestPause = 255;

    /// <summary>Blocks that wait which are looked at for one that can be planned now.</summary>
    private const int Attempts = 16;

    /// <summary>Blocks that wait at most; those of processes that have ended wait for ever.</summary>
    private const int MostWaiting = 1024;

    private readonly PathProfile _profile;
    private readonly RegionCache _regions;
    private readonly Dictionary<nint, int> _crossings = [];
    private readonly Queue<nint> _waiting = new();
    private CompiledRegion? _current;
    private bool _isFirst;
    private bool _foundSomething = true;
    private int _pause;
    private int _left;

    /// <param name="profile">Takes notes of the ways.</param>
    /// <param name="regions">What there is already.</param>
    public RipePlaces(PathProfile profile, RegionCache regions)
    {
        _profile = profile;
        _regions = regions;
    }

    public bool IsWaiting => _waiting.Count > 0;

    /// <summary>A slice has ended: for how many blocks is the Guest to be watched?</summary>
    public int Look()
    {
        if (_left > 0)
        {
            _left--;
            return 0;
        }

        _pause = _foundSomething ? _pause / 2 : Math.Min((_pause * 2) + 1, LongestPause);
        _left = _pause;
        _foundSomething = false;
        _isFirst = true;
        _profile.Break();
        return BlocksOfLook;
    }

    /// <summary>The Guest is at this block.</summary>
    public void Visit(GuestBlock* block)
    {
        _profile.Visit(block);
        if (!_isFirst && _current?.Contains(block) == true)
        {
            return;
        }

        CompiledRegion? behind = _regions.Behind(block);
        _current = behind ?? (_isFirst ? _regions.Around(block) : null);
        if (!_isFirst && behind is { Loops: false })
        {
            Count(block);
        }

        _isFirst = false;
    }

    /// <summary>The block is worth a region from there on.</summary>
    public void Add(GuestBlock* block)
    {
        if (_waiting.Count >= MostWaiting)
        {
            _waiting.Dequeue();
        }

        _waiting.Enqueue((nint)block);
    }

    /// <summary>
    /// Takes the first block that satisfies <paramref name="usable"/>; null: there is none among the first few. Those go to the end, so that the next ones get
    /// their turn: what is not mapped now may never be again.
    /// </summary>
    public GuestBlock* Take(Func<nint, bool> usable)
    {
        for (int attempts = Math.Min(Attempts, _waiting.Count); attempts > 0; attempts--)
        {
            var block = (GuestBlock*)_waiting.Dequeue();
            if (usable((nint)block))
            {
                return block;
            }

            if (block->Valid)
            {
                _waiting.Enqueue((nint)block);
            }
        }

        return null;
    }

    /// <summary>The block arena has been emptied.</summary>
    public void Clear()
    {
        _profile.Clear();
        _crossings.Clear();
        _waiting.Clear();
        _current = null;
    }

    /// <summary>Is a block ripe that a region has been left for so many times, and not one time more or less?</summary>
    public static bool IsRipeAt(int crossings)
    {
        // Wider than what is compared with: a Guest may have all the time in the world.
        long due = CrossingsOfRipe;
        while (due < crossings)
        {
            due *= TimesUntilRipeAgain;
        }

        return crossings == due;
    }

    private void Count(GuestBlock* block)
    {
        int crossings = _crossings.GetValueOrDefault((nint)block);
        if (crossings == int.MaxValue)
        {
            return;
        }

        crossings++;
        _crossings[(nint)block] = crossings;
        _foundSomething |= crossings <= CrossingsOfRipe;
        if (IsRipeAt(crossings))
        {
            Add(block);
        }
    }
}
