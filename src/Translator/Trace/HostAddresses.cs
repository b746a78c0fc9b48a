using System.Globalization;
using System.Numerics;
using System.Reflection;
using Lguest.Jit.Translator.Cache;
using Lguest.Jit.Translator.Discover;

namespace Lguest.Jit.Translator.Trace;

/// <summary>
/// Names for the Host addresses in one region's code, so that a listing says what they are, and says the same in every
/// process: what the region owns, which page an expected table entry is for, which method is called.
/// </summary>
internal sealed class HostAddresses
{
    /// <summary>No object that a region owns is larger.</summary>
    private const long LargestObject = 1 << 16;

    private readonly List<nint> _owned;
    private readonly Dictionary<long, string> _known = [];
    private readonly Dictionary<long, string> _others = [];

    /// <param name="region">Whose code is listed.</param>
    /// <param name="methods">Methods that it calls.</param>
    public HostAddresses(CompiledRegion region, IEnumerable<MethodBase> methods)
    {
        _owned = [.. region.Allocations];
        foreach (AssumedPage page in region.Plan.Pages)
        {
            _known[(long)page.Entry] = $"page_{page.Page:x5}";
        }

        // What is called may have been inlined, and what that calls is called then: mostly a neighbour.
        foreach (MethodBase method in methods.SelectMany(Neighbours).Distinct())
        {
            // Calls lead to any of the stubs on the way, or past them. What two methods share is the runtime's, and nobody's name.
            string name = NameOf(method);
            foreach (nint address in MachineCode.Stubs(method.MethodHandle.GetFunctionPointer()))
            {
                if (!_known.TryAdd(address, name) && _known[address] != name)
                {
                    _known[address] = "";
                }
            }
        }
    }

    /// <summary>Could this number be an address of the Host? A lone bit is somebody's marker.</summary>
    public static bool IsPlausible(long value) => value is > uint.MaxValue and < 1L << 47 && !BitOperations.IsPow2(value);

    /// <summary>"link3+0x10", "page_c1000", "FollowFar", or a name by order of appearance.</summary>
    public string Name(long value)
    {
        if (_known.TryGetValue(value, out string? name) && name.Length != 0)
        {
            return name;
        }

        int nearest = -1;
        for (int i = 0; i < _owned.Count; i++)
        {
            if (_owned[i] <= value && value - _owned[i] < LargestObject && (nearest < 0 || _owned[i] > _owned[nearest]))
            {
                nearest = i;
            }
        }

        if (nearest >= 0)
        {
            long offset = value - _owned[nearest];
            return offset == 0 ? $"data{nearest}" : string.Create(CultureInfo.InvariantCulture, $"data{nearest}+0x{offset:x}");
        }

        if (!_others.TryGetValue(value, out name))
        {
            _others.Add(value, name = $"host{_others.Count}");
        }

        return name;
    }

    /// <summary>The name of the method that a call of this address comes to.</summary>
    public string NameCall(nint target)
    {
        foreach (nint address in MachineCode.Stubs(target))
        {
            if (_known.TryGetValue(address, out string? name) && name.Length != 0)
            {
                return name;
            }
        }

        return Name(target);
    }

    /// <summary>A method, and the other static ones of its type.</summary>
    public static IEnumerable<MethodBase> Neighbours(MethodBase method)
    {
        const BindingFlags Static = BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;
        IEnumerable<MethodBase> all = method.DeclaringType is { ContainsGenericParameters: false } type ? type.GetMethods(Static) : [];
        return all.Where(static m => !m.IsGenericMethodDefinition && !m.IsAbstract).Prepend(method);
    }

    public static string NameOf(MethodBase method) => $"{method.DeclaringType?.Name}.{method.Name}";
}
