using Lguest.Jit.Core.Interpreter;

namespace Lguest.Jit.Translator.Tiering;

/// <summary>
/// Which blocks the Guest has been seen to go to from which, by watching it for a few dozen blocks now and then
/// (<see cref="InterpreterEngine.Steps"/>). Pointers are good until <see cref="Clear"/>, which is due when the block arena is emptied.
/// </summary>
internal sealed unsafe class PathProfile
{
    private const int MaximumBlocks = 1 << 14;

    private readonly Dictionary<nint, BlockWays> _ways = [];
    private BlockWays? _last;

    /// <summary>What comes next does not follow what was seen last.</summary>
    public void Break() => _last = null;

    /// <summary>The Guest is at this block.</summary>
    public void Visit(GuestBlock* block)
    {
        _last?.Count(block->Eip);
        if (!_ways.TryGetValue((nint)block, out BlockWays? ways))
        {
            if (_ways.Count >= MaximumBlocks)
            {
                // So much code is in use that what was seen first says little about what is seen now.
                _ways.Clear();
            }

            _ways.Add((nint)block, ways = new BlockWays());
        }

        _last = ways;
    }

    /// <summary>What has been seen at the end of a block; null: nothing.</summary>
    public BlockWays? From(GuestBlock* block) => _ways.GetValueOrDefault((nint)block) is { Total: > 0 } ways ? ways : null;

    public void Clear()
    {
        _ways.Clear();
        _last = null;
    }
}
