using Lguest.Jit.Core.State;
using Lguest.Jit.Translator.Cache;
using Lguest.Jit.Translator.Discover;

namespace Lguest.Jit.Translator.Tiering;

/// <summary>
/// Translated code takes accesses to be aligned, which cannot reach across the end of a page then; almost all of a compiler's are. One that is not is a miss.
/// Where that happens more than a few times, the block is noted, and whatever region has it inside is translated once more, without that expectation.
/// </summary>
/// <param name="replace">Asks for a new translation of a region, now that more is known.</param>
internal sealed unsafe class AlignmentTuner(Action<CompiledRegion> replace)
{
    /// <summary>Misses of a block that are put up with: a string may begin anywhere, once.</summary>
    private const int Patience = 4;

    /// <summary>Blocks that are counted for. With more, all is forgotten: it will be seen again.</summary>
    private const int MostBlocks = 1 << 14;

    private readonly Dictionary<nint, CompiledRegion> _regions = [];
    private readonly Dictionary<uint, int> _misses = [];

    /// <summary>A region is in use from now on.</summary>
    public void Installed(CompiledRegion region)
    {
        if (region.AlignmentRecord != 0)
        {
            _regions[region.AlignmentRecord] = region;
        }
    }

    /// <summary>A region has been cut off.</summary>
    public void Removed(CompiledRegion region) => _regions.Remove(region.AlignmentRecord);

    /// <summary>Does the block at this address access memory that is not aligned?</summary>
    public bool IsUnaligned(uint eip) => _misses.GetValueOrDefault(eip) > Patience;

    /// <summary>Translated code has been left at <c>cpu->Eip</c>, and the CPU says for whom to learn from it: is that us?</summary>
    public bool TryMissed(GuestCpu* cpu)
    {
        if (!_regions.TryGetValue(cpu->MissRecord, out CompiledRegion? region))
        {
            return false;
        }

        cpu->MissRecord = 0;
        foreach (PlannedBlock block in region.Plan.Blocks)
        {
            if (cpu->Eip - block.Eip < (uint)block.Code.Length && !block.IsUnaligned)
            {
                Count(block.Eip);
                if (IsUnaligned(block.Eip))
                {
                    replace(region);
                }

                break;
            }
        }

        return true;
    }

    private void Count(uint eip)
    {
        if (_misses.Count >= MostBlocks)
        {
            _misses.Clear();
        }

        _misses[eip] = Math.Min(_misses.GetValueOrDefault(eip), Patience) + 1;
    }
}
