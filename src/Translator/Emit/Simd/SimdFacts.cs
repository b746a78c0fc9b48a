using System.Reflection.Emit;

namespace Lguest.Jit.Translator.Emit.Simd;

/// <summary>
/// Which XMM registers are known, at this point of the block, to hold numbers that are neither denormals nor infinite: results that have been looked
/// at, and operands. They need not be looked at again.
/// </summary>
internal sealed class SimdFacts
{
    private readonly Dictionary<LocalBuilder, (bool IsDouble, bool All)> _known = [];

    /// <summary>Nothing is known.</summary>
    public void Clear() => _known.Clear();

    /// <summary>Is the lowest lane such a number, or are all?</summary>
    public bool AreNumbers(LocalBuilder register, bool isDouble, bool scalar) =>
        _known.TryGetValue(register, out (bool IsDouble, bool All) fact) && fact.IsDouble == isDouble && (scalar || fact.All);

    /// <summary>The lowest lane is one, or all are.</summary>
    public void Set(LocalBuilder register, bool isDouble, bool all)
    {
        bool already = AreNumbers(register, isDouble, scalar: false);
        _known[register] = (isDouble, all || already);
    }

    /// <summary>The register gets another value.</summary>
    public void Forget(LocalBuilder register) => _known.Remove(register);

    /// <summary>One register becomes what another is.</summary>
    public void Copy(LocalBuilder from, LocalBuilder to)
    {
        if (_known.TryGetValue(from, out (bool IsDouble, bool All) fact))
        {
            _known[to] = fact;
        }
        else
        {
            _known.Remove(to);
        }
    }
}
