using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.Interpreter.ControlFlow;

namespace Lguest.Jit.Translator.Cache;

/// <summary>
/// Who leads to whom: the links of regions by the head that they lead to. A link has a copy of what the head says (the region's code, and in the low bits of the
/// target's address the entry), so that going from region to region waits for the link alone, and not for the head behind it, which is mostly cold.
/// Here is who has to be told when a head starts or stops leading into translated code. On the Guest thread.
/// </summary>
internal sealed unsafe class RegionLinks
{
    /// <summary>Bits of a head's address that are 0: there a link has the entry's number, and 1 more.</summary>
    public const int EntryMask = 31;

    private readonly Dictionary<nint, List<nint>> _byHead = [];

    /// <summary>Links that lead somewhere.</summary>
    public int Count => _byHead.Values.Sum(static links => links.Count);

    /// <summary>The link has got its target.</summary>
    public void Add(BlockLink* link)
    {
        Op* head = link->Target;
        if (!_byHead.TryGetValue((nint)head, out List<nint>? links))
        {
            _byHead.Add((nint)head, links = []);
        }

        links.Add((nint)link);
        Aim(link, head);
    }

    /// <summary>The head leads into translated code from now on.</summary>
    public void Leads(Op* head)
    {
        if (_byHead.TryGetValue((nint)head, out List<nint>? links))
        {
            foreach (nint link in links)
            {
                Aim((BlockLink*)link, head);
            }
        }
    }

    /// <summary>The head does not lead into the region at <paramref name="code"/> any more.</summary>
    public void Leaves(Op* head, nint code)
    {
        if (!_byHead.TryGetValue((nint)head, out List<nint>? links))
        {
            return;
        }

        foreach (nint pointer in links)
        {
            var link = (BlockLink*)pointer;
            if ((nint)link->Handler == code)
            {
                link->Target = head;
                link->Handler = &Links.ByHead;
            }
        }
    }

    /// <summary>These links are about to be freed.</summary>
    public void Drop(IReadOnlyList<nint> owned)
    {
        foreach (nint pointer in owned)
        {
            nint head = (nint)((BlockLink*)pointer)->Target & ~EntryMask;
            if (_byHead.TryGetValue(head, out List<nint>? links) && links.Remove(pointer) && links.Count == 0)
            {
                _byHead.Remove(head);
            }
        }
    }

    /// <summary>No head is good any more.</summary>
    public void Clear() => _byHead.Clear();

    private static void Aim(BlockLink* link, Op* head)
    {
        if (RegionCache.IsTranslated(head))
        {
            uint entry = BlockHead.Entry(head);
            link->Target = (Op*)((byte*)head + (entry < EntryMask ? entry + 1 : 0));
            link->Handler = head->Handler;
        }
        else
        {
            link->Target = head;
            link->Handler = &Links.ByHead;
        }
    }
}
