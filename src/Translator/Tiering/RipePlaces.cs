using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Translator.Cache;
using Lguest.Jit.Translator.Discover;

namespace Lguest.Jit.Translator.Tiering;

/// <summary>
/// Watches the Guest for a few dozen blocks now and then, to find out at which blocks it goes from region to region all the time. A region from
/// there on that follows the Guest's ways is then worth its time: each way from region to region costs what ten or twenty instructions do.
/// </summary>
internal sealed unsafe class RipePlaces
{
    /// <summary>Blocks that are looked at in one go: the length of a large region and half as much.</summary>
    private const int BlocksOfLook = 64;

    /// <summary>
    /// The same while paths are to be planned: as far as a system call goes, say. All along a path there has to be something known about each branch, or it ends there.
    /// </summary>
    private const int BlocksOfLongLook = 1024;

    /// <summary>Looks that have found something are followed by no fewer slices without: a hundred blocks take as long alone as a slice of some thousands does.</summary>
    private const int ShortestPause = 7;

    /// <summary>Times that a region has to be left for a block until that is ripe.</summary>
    private const int CrossingsOfRipe = 12;

    /// <summary>Each time that it has been ripe, it takes twice as many, up to 2 to this power times as many: the Guest may do something else there by then, or nothing came of it.</summary>
    private const int MostDoublings = 20;

    /// <summary>Looks in a row that have found nothing new are followed by up to this many slices without.</summary>
    private const int LongestPause = 255;

    /// <summary>Blocks that wait which are looked at for one that can be planned now.</summary>
    private const int Attempts = 16;

    /// <summary>Blocks that wait at most; those of processes that have ended wait for ever.</summary>
    private const int MostWaiting = 1024;

    private readonly PathProfile _profile;
    private readonly RegionCache _regions;
    private readonly Dictionary<nint, int> _crossings = [];
    private readonly Dictionary<nint, int> _timesRipe = [];
    private readonly LinkedList<nint> _waiting = new();
    private readonly Dictionary<nint, LinkedListNode<nint>> _places = [];
    private readonly Queue<nint> _ends = new();
    private CompiledRegion? _current;
    private bool _isFirst;
    private bool _foundSomething = true;
    private int _pause = ShortestPause;
    private int _left;
    private bool _hasLooked;
    private bool _mayTake;

    /// <param name="profile">Takes notes of the ways.</param>
    /// <param name="regions">What there is already.</param>
    public RipePlaces(PathProfile profile, RegionCache regions)
    {
        _profile = profile;
        _regions = regions;
    }

    public bool IsWaiting => _waiting.Count > 0 || _ends.Count > 0;

    /// <summary>Is it worth asking for a block? One is waiting, and since one was last taken, or there was none to be had, the Guest has been watched.</summary>
    public bool CanPlan => _hasLooked && _mayTake && IsWaiting;

    /// <summary>A slice has ended: for how many blocks is the Guest to be watched?</summary>
    public int Look()
    {
        if (_left > 0)
        {
            _left--;
            return 0;
        }

        _pause = _foundSomething ? Math.Max(_pause / 2, ShortestPause) : Math.Min((_pause * 2) + 1, LongestPause);
        _left = _pause;
        _foundSomething = false;
        _isFirst = true;
        _profile.Break();
        _mayTake = true;

        // Once for each path: those that wait may be another process's, and wait for long.
        bool isLong = IsWaiting && !_hasLooked;
        _hasLooked |= isLong;
        return isLong ? BlocksOfLongLook : BlocksOfLook;
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
        if (_places.ContainsKey((nint)block))
        {
            return;
        }

        _places.Add((nint)block, _waiting.AddLast((nint)block));
        if (_waiting.Count > MostWaiting)
        {
            Forget(_waiting.First!.Value);
        }
    }

    /// <summary>A path has come to its greatest length in front of this block, and the next one may as well begin there, before anything else.</summary>
    public void AddEnd(GuestBlock* block)
    {
        if (_ends.Count < MostWaiting)
        {
            _ends.Enqueue((nint)block);
        }
    }

    /// <summary>
    /// Takes the first block that satisfies <paramref name="usable"/>; null: there is none among the first few. Those go to the end, so that the next ones get
    /// their turn: what is not mapped now may never be again.
    /// </summary>
    public GuestBlock* Take(Func<nint, bool> usable)
    {
        while (_ends.TryDequeue(out nint end))
        {
            if (usable(end))
            {
                _hasLooked = false;
                return (GuestBlock*)end;
            }
        }

        for (int attempts = Math.Min(Attempts, _waiting.Count); attempts > 0; attempts--)
        {
            LinkedListNode<nint> first = _waiting.First!;
            var block = (GuestBlock*)first.Value;
            if (usable((nint)block))
            {
                Forget((nint)block);
                _timesRipe[(nint)block] = _timesRipe.GetValueOrDefault((nint)block) + 1;
                _crossings.Remove((nint)block);
                _hasLooked = false;
                return block;
            }

            if (block->Valid)
            {
                _waiting.RemoveFirst();
                _waiting.AddLast(first);
            }
            else
            {
                Forget((nint)block);
            }
        }

        _mayTake = false;
        return null;
    }

    /// <summary>The block arena has been emptied.</summary>
    public void Clear()
    {
        _profile.Clear();
        _crossings.Clear();
        _waiting.Clear();
        _places.Clear();
        _ends.Clear();
        _timesRipe.Clear();
        _current = null;
    }

    /// <summary>
    /// These blocks are going to be part of a path, and whoever went from region to region there may not do so any more: what became ripe together lies on one way mostly, and one
    /// path is enough for that. They are counted anew.
    /// </summary>
    public void Planned(RegionPlan path)
    {
        foreach (PlannedBlock planned in path.Blocks)
        {
            _crossings.Remove(planned.Block);
            Forget(planned.Block);
        }
    }

    /// <summary>Times that a region has to be left for a block that has been ripe so many times.</summary>
    public static int CrossingsUntilRipe(int timesRipe) => CrossingsOfRipe << Math.Min(timesRipe, MostDoublings);

    private void Forget(nint block)
    {
        if (_places.Remove(block, out LinkedListNode<nint>? place))
        {
            _waiting.Remove(place);
        }
    }

    private void Count(GuestBlock* block)
    {
        int crossings = _crossings.GetValueOrDefault((nint)block) + 1;
        int due = CrossingsUntilRipe(_timesRipe.GetValueOrDefault((nint)block));
        if (crossings > due)
        {
            return;
        }

        _crossings[(nint)block] = crossings;
        _foundSomething |= crossings <= CrossingsOfRipe;
        if (crossings == due)
        {
            Add(block);
        }
    }
}
