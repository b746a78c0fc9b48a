using Lguest.Jit.Translator.Cache;

namespace Lguest.Jit.Translator.Tiering;

/// <summary>
/// Regions that have been entered so often that a larger translation is worth its time, in the order in which they became so: the most
/// frequented first. They wait until nothing is left that has no translation at all.
/// </summary>
internal sealed class RipeRegions
{
    /// <summary>Regions looked at for one that can be planned now.</summary>
    private const int Attempts = 16;

    private readonly LinkedList<CompiledRegion> _waiting = new();

    public bool IsWaiting => _waiting.Count > 0;

    public void Add(CompiledRegion region) => _waiting.AddLast(region);

    /// <summary>Takes the first that is still in use and satisfies <paramref name="usable"/>; null: there is none among the first few.</summary>
    public CompiledRegion? Take(Func<CompiledRegion, bool> usable)
    {
        int attempts = 0;
        for (LinkedListNode<CompiledRegion>? node = _waiting.First; node != null && attempts < Attempts; attempts++)
        {
            LinkedListNode<CompiledRegion> here = node;
            node = node.Next;
            bool gone = !here.Value.IsInstalled || here.Value.IsBeingReplaced;
            if (gone || usable(here.Value))
            {
                _waiting.Remove(here);
            }

            if (!gone && here.List == null)
            {
                return here.Value;
            }
        }

        return null;
    }

    public void Clear() => _waiting.Clear();
}
